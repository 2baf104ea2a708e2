-- Purpose: many new trades at once, on PostgreSQL.
-- Grain: one row a trade.
-- Parameters: none; the rows follow.
COPY trades (
    account_id, trade_id, session, symbol, side, quantity, opened_at, closed_at, entry_price, exit_price,
    gross_cents, fees_cents, net_cents, notional_cents, opening_fill, closing_fill, source, known_at
) FROM STDIN
