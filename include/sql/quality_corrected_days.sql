-- Purpose: results that were known and have become others since the last morning.
-- Grain: one row an account and session.
-- Parameters: :since (the last morning's cut-off), :cut_off (nothing known later enters).
SELECT
    r.account_id,
    a.trader_id,
    r.session,
    r.net_cents,
    b.net_cents AS net_cents_before
FROM daily_results AS r
INNER JOIN daily_results AS b
    ON b.session = r.session
    AND b.account_id = r.account_id
    AND b.known_at = (
        SELECT MAX(w.known_at)
        FROM daily_results AS w
        WHERE w.session = r.session AND w.account_id = r.account_id AND w.known_at <= :since
    )
INNER JOIN accounts_as_of AS a
    ON a.account_id = r.account_id
    AND a.effective_from <= r.session
    AND (a.effective_to IS NULL OR r.session < a.effective_to)
WHERE
    r.net_cents <> b.net_cents
    AND r.known_at > :since
    AND r.known_at = (
        SELECT MAX(v.known_at)
        FROM daily_results AS v
        WHERE v.session = r.session AND v.account_id = r.account_id AND v.known_at <= :cut_off
    )
ORDER BY r.account_id, r.session
