-- Purpose: the totals of account-days from their trades, to write a version of the daily results.
-- Grain: one row an account and session.
-- Parameters: :first and :last (sessions, both included), :known_at (trades known by then).
SELECT
    t.session,
    t.account_id,
    SUM(t.gross_cents) AS gross_cents,
    SUM(t.fees_cents) AS fees_cents,
    SUM(t.net_cents) AS net_cents,
    COUNT(*) AS trades,
    SUM(t.notional_cents) AS volume_cents
FROM trades AS t
WHERE
    t.session BETWEEN :first AND :last
    AND t.known_at <= :known_at
    AND (t.superseded_at IS NULL OR t.superseded_at > :known_at)
GROUP BY t.session, t.account_id
ORDER BY t.session, t.account_id
