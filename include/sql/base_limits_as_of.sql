-- Purpose: the schedule of the base limits, as it was known at a cut-off; what was withdrawn is left out.
-- Grain: one row a trader and date of a change.
-- Parameters: :cut_off (nothing known later enters).
SELECT
    b.trader_id,
    b.effective_from,
    b.base_limit_cents
FROM base_limits AS b
WHERE
    NOT b.withdrawn
    AND b.known_at = (
        SELECT MAX(v.known_at)
        FROM base_limits AS v
        WHERE v.known_at <= :cut_off
            AND v.trader_id = b.trader_id
            AND v.effective_from = b.effective_from
    )
