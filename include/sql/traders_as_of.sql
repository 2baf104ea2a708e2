-- Purpose: the traders known at a cut-off, under the newest name known, else that of their enrolment.
-- Grain: one row a trader of whom a roster state or an account was known, also where it was withdrawn.
-- Parameters: :cut_off (nothing known later enters).
SELECT
    t.trader_id,
    COALESCE(n.name, t.name) AS name
FROM traders AS t
LEFT JOIN trader_names AS n
    ON n.trader_id = t.trader_id
    AND n.known_at = (
        SELECT MAX(v.known_at)
        FROM trader_names AS v
        WHERE v.known_at <= :cut_off
            AND v.trader_id = t.trader_id
    )
WHERE
    EXISTS (SELECT 1 FROM roster AS s WHERE s.trader_id = t.trader_id AND s.known_at <= :cut_off)
    OR EXISTS (SELECT 1 FROM accounts AS a WHERE a.trader_id = t.trader_id AND a.known_at <= :cut_off)
