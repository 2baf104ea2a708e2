-- Purpose: the closed trades of one trader over some sessions, in the order their results were realised.
-- Grain: one row a trade, ordered by session, close, account and id.
-- Parameters: :trader_id, :first (trades from this session on), :session (and strictly before this one),
--   :cut_off (nothing known later enters).
SELECT
    t.session,
    t.net_cents,
    t.notional_cents
FROM trades AS t
INNER JOIN accounts_as_of AS a
    ON a.account_id = t.account_id
    AND a.effective_from <= t.session
    AND (a.effective_to IS NULL OR t.session < a.effective_to)
WHERE
    a.trader_id = :trader_id
    AND t.session >= :first
    AND t.session < :session
    AND t.known_at <= :cut_off
    AND (t.superseded_at IS NULL OR t.superseded_at > :cut_off)
ORDER BY t.session, t.closed_at, t.account_id, t.trade_id
