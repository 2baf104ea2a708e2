-- Purpose: the night's trades with the trader they belong to; trades closed after the cut-off, too.
-- Grain: one row a trade and account period in effect (exactly one, unless periods overlap).
-- Parameters: :previous (the session before the one the limits are for), :cut_off (nothing known later enters).
SELECT
    t.account_id,
    t.trade_id,
    a.trader_id,
    a.currency,
    t.session,
    t.symbol,
    t.side,
    t.quantity,
    t.opened_at,
    t.closed_at,
    t.entry_price,
    t.exit_price,
    t.net_cents,
    t.gross_cents - t.fees_cents AS gross_less_fees_cents
FROM trades AS t
LEFT JOIN accounts_as_of AS a
    ON a.account_id = t.account_id
    AND a.effective_from <= t.session
    AND (a.effective_to IS NULL OR t.session < a.effective_to)
WHERE
    t.session >= :previous
    AND t.known_at <= :cut_off
    AND (t.superseded_at IS NULL OR t.superseded_at > :cut_off)
    AND (t.session = :previous OR t.closed_at > :cut_off)
ORDER BY t.account_id, t.closed_at, t.trade_id
