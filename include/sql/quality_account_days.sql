-- Purpose: the daily results of the accounts, as they were known at a cut-off.
-- Grain: one row an account and session with a result.
--   is_realised: the result is the sum of its trades, so that the two can be compared.
-- Parameters: :first and :last (sessions, both included), :basis (of results made of trades),
--   :cut_off (nothing known later enters).
SELECT
    r.account_id,
    a.trader_id,
    r.session,
    r.net_cents,
    r.trades,
    CASE WHEN r.basis = :basis THEN 1 ELSE 0 END AS is_realised
FROM daily_results AS r
INNER JOIN accounts_as_of AS a
    ON a.account_id = r.account_id
    AND a.effective_from <= r.session
    AND (a.effective_to IS NULL OR r.session < a.effective_to)
WHERE
    r.session BETWEEN :first AND :last
    AND (r.trades > 0 OR r.positions > 0)
    AND r.known_at = (
        SELECT MAX(v.known_at)
        FROM daily_results AS v
        WHERE v.session = r.session AND v.account_id = r.account_id AND v.known_at <= :cut_off
    )
ORDER BY r.account_id, r.session
