-- Purpose: the closed trades behind the daily results, in the order their results were realised.
-- Grain: one row a trade, ordered by trader, session, close, account and id.
-- Parameters: :session (trades of sessions strictly before it), :cut_off (nothing known later enters).
SELECT
    a.trader_id,
    t.session,
    t.net_cents,
    t.notional_cents
FROM trades AS t
INNER JOIN accounts_as_of AS a
    ON a.account_id = t.account_id
    AND a.effective_from <= t.session
    AND (a.effective_to IS NULL OR t.session < a.effective_to)
WHERE
    t.session < :session
    AND t.known_at <= :cut_off
    AND (t.superseded_at IS NULL OR t.superseded_at > :cut_off)
ORDER BY a.trader_id, t.session, t.closed_at, t.account_id, t.trade_id
