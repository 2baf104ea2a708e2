-- Purpose: the sums of the trades that the daily results must agree with.
-- Grain: one row an account of the roster and session with trades.
-- Parameters: :first and :last (sessions, both included), :cut_off (nothing known later enters).
SELECT
    t.account_id,
    a.trader_id,
    t.session,
    CAST(SUM(t.net_cents) AS BIGINT) AS net_cents,
    COUNT(*) AS trades
FROM trades AS t
INNER JOIN accounts_as_of AS a
    ON a.account_id = t.account_id
    AND a.effective_from <= t.session
    AND (a.effective_to IS NULL OR t.session < a.effective_to)
WHERE
    t.session BETWEEN :first AND :last
    AND t.known_at <= :cut_off
    AND (t.superseded_at IS NULL OR t.superseded_at > :cut_off)
GROUP BY t.account_id, a.trader_id, t.session
ORDER BY t.account_id, t.session
