-- Purpose: what the traders may do from which date on, as it was known at a cut-off; what was withdrawn is left out.
-- Grain: one row a trader and date of a change.
-- Parameters: :cut_off (nothing known later enters).
SELECT
    s.trader_id,
    s.effective_from,
    s.state
FROM roster AS s
WHERE
    NOT s.withdrawn
    AND s.known_at = (
        SELECT MAX(v.known_at)
        FROM roster AS v
        WHERE v.known_at <= :cut_off
            AND v.trader_id = s.trader_id
            AND v.effective_from = s.effective_from
    )
