-- Purpose: the daily result of every trader, as it was known at a cut-off.
-- Grain: one row a trader and active session (a trade closed, or a position carried), ordered.
--   other_net_cents: the result where the fills are right and the broker's summary is not.
-- Parameters: :session (results strictly before it), :cut_off (nothing known later enters).
SELECT
    a.trader_id,
    r.session,
    SUM(r.net_cents) AS net_cents,
    SUM(r.trades) AS trades,
    SUM(r.volume_cents) AS volume_cents,
    SUM(COALESCE(r.other_net_cents, r.net_cents)) AS other_net_cents
FROM daily_results AS r
INNER JOIN accounts_as_of AS a
    ON a.account_id = r.account_id
    AND a.effective_from <= r.session
    AND (a.effective_to IS NULL OR r.session < a.effective_to)
WHERE
    r.session < :session
    AND (r.trades > 0 OR r.positions > 0)
    AND r.known_at = (
        SELECT MAX(v.known_at)
        FROM daily_results AS v
        WHERE v.session = r.session AND v.account_id = r.account_id AND v.known_at <= :cut_off
    )
GROUP BY a.trader_id, r.session
ORDER BY a.trader_id, r.session
