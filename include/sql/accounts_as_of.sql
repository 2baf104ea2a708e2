-- Purpose: the periods of the accounts, as they were known at a cut-off; a withdrawn one is none.
-- Grain: one row an account and beginning of a period.
--   DISTINCT drops no row; with it the few periods are found once, not for each of many trades.
-- Parameters: :cut_off (nothing known later enters).
SELECT DISTINCT
    a.account_id,
    a.trader_id,
    a.effective_from,
    a.effective_to,
    a.currency
FROM accounts AS a
WHERE
    NOT a.withdrawn
    AND a.known_at = (
        SELECT MAX(v.known_at)
        FROM accounts AS v
        WHERE v.known_at <= :cut_off
            AND v.account_id = a.account_id
            AND v.effective_from = a.effective_from
    )
