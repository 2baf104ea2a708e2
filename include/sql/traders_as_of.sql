-- Purpose: the traders under the names they had at a cut-off: the newest one known, else that of their enrolment.
-- Grain: one row a trader ever enrolled.
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
