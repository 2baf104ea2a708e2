-- Purpose: the limits really in force on earlier sessions, as a cut-off knew them: what was read back last, else what
--   left last, overridden or as decided.
-- Grain: one row a trader and session.
-- Parameters: :session (strictly before it), :cut_off (nothing known later).
SELECT
    l.trader_id,
    l.session,
    l.limit_cents,
    l.origin
FROM (
    SELECT
        a.trader_id,
        a.session,
        a.limit_cents,
        a.origin,
        ROW_NUMBER() OVER (
            PARTITION BY a.session, a.trader_id
            ORDER BY CASE WHEN a.origin = 'read_back' THEN 0 ELSE 1 END, a.known_at DESC
        ) AS place
    FROM applied_limits AS a
    WHERE a.session < :session AND a.known_at <= :cut_off
) AS l
WHERE l.place = 1
ORDER BY l.trader_id, l.session
