-- Purpose: the trader-days that are over and fetched whole, as known at a cut-off: result, or none where idle.
-- Grain: one row a trader and session on which every account of the trader was fetched, ordered.
-- Parameters: :first (session, included), :session (strictly before it), :cut_off (nothing known later enters).
SELECT
    a.trader_id,
    c.session,
    SUM(r.net_cents) AS net_cents,
    MAX(c.known_at) AS covered_at,
    MAX(r.known_at) AS result_at
FROM coverage AS c
INNER JOIN accounts_as_of AS a
    ON a.account_id = c.account_id
    AND a.effective_from <= c.session
    AND (a.effective_to IS NULL OR c.session < a.effective_to)
LEFT JOIN daily_results AS r
    ON r.session = c.session
    AND r.account_id = c.account_id
    AND (r.trades > 0 OR r.positions > 0)
    AND r.known_at = (
        SELECT MAX(v.known_at)
        FROM daily_results AS v
        WHERE v.session = c.session AND v.account_id = c.account_id AND v.known_at <= :cut_off
    )
WHERE c.session >= :first AND c.session < :session AND c.known_at <= :cut_off
GROUP BY a.trader_id, c.session
HAVING COUNT(*) = (
    SELECT COUNT(*)
    FROM accounts_as_of AS b
    WHERE b.trader_id = a.trader_id
        AND b.effective_from <= c.session
        AND (b.effective_to IS NULL OR c.session < b.effective_to)
)
ORDER BY a.trader_id, c.session
