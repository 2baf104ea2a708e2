-- Purpose: the daily results of one trader over some sessions, as they were known at a cut-off.
-- Grain: one row an active session (a trade closed, or a position carried), ordered.
-- Parameters: :trader_id, :first (results from this session on), :session (and strictly before this one),
--   :cut_off (nothing known later enters).
SELECT
    r.session,
    SUM(r.net_cents) AS net_cents
FROM daily_results AS r
INNER JOIN accounts_as_of AS a
    ON a.account_id = r.account_id
    AND a.effective_from <= r.session
    AND (a.effective_to IS NULL OR r.session < a.effective_to)
WHERE
    a.trader_id = :trader_id
    AND r.session >= :first
    AND r.session < :session
    AND (r.trades > 0 OR r.positions > 0)
    AND r.known_at = (
        SELECT MAX(v.known_at)
        FROM daily_results AS v
        WHERE v.session = r.session AND v.account_id = r.account_id AND v.known_at <= :cut_off
    )
GROUP BY r.session
ORDER BY r.session
