-- Purpose: the files of the night and how many of their rows were set aside.
-- Grain: one row a file.
-- Parameters: :since (moment, included), :cut_off (nothing known later enters).
SELECT
    l.file_name,
    l."rows" AS accepted,
    l.rejected
FROM loads AS l
WHERE l.known_at >= :since AND l.known_at <= :cut_off
ORDER BY l.known_at, l.digest
