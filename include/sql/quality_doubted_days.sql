-- Purpose: results that the broker's summary and its fills do not agree on.
-- Grain: one row an account and session of the last few.
-- Parameters: :first and :last (sessions, both included), :cut_off (nothing known later enters).
SELECT
    r.account_id,
    a.trader_id,
    r.session,
    r.net_cents,
    r.other_net_cents
FROM daily_results AS r
INNER JOIN accounts_as_of AS a
    ON a.account_id = r.account_id
    AND a.effective_from <= r.session
    AND (a.effective_to IS NULL OR r.session < a.effective_to)
WHERE
    r.session BETWEEN :first AND :last
    AND r.other_net_cents IS NOT NULL
    AND r.known_at = (
        SELECT MAX(v.known_at)
        FROM daily_results AS v
        WHERE v.session = r.session AND v.account_id = r.account_id AND v.known_at <= :cut_off
    )
ORDER BY r.account_id, r.session
