-- Purpose: the closed trades of one trader over some sessions, in the order their results were realised.
--   The days with a result come first: the trades of one day and account are found by their index.
-- Grain: one row a trade, ordered by session, close, account and id.
-- Parameters: :trader_id, :first (trades from this session on), :session (and strictly before this one),
--   :cut_off (nothing known later enters).
SELECT
    t.session,
    t.net_cents
FROM (
    SELECT DISTINCT
        r.session,
        r.account_id
    FROM daily_results AS r
    INNER JOIN accounts_as_of AS a
        ON a.account_id = r.account_id
        AND a.effective_from <= r.session
        AND (a.effective_to IS NULL OR r.session < a.effective_to)
    WHERE
        a.trader_id = :trader_id
        AND r.session >= :first
        AND r.session < :session
) AS d
INNER JOIN trades AS t ON t.session = d.session AND t.account_id = d.account_id
WHERE
    t.known_at <= :cut_off
    AND (t.superseded_at IS NULL OR t.superseded_at > :cut_off)
ORDER BY t.session, t.closed_at, t.account_id, t.trade_id
