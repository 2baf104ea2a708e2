-- Purpose: how far the accounts of the traders who get a limit were fetched.
-- Grain: one row an active trader and account; account_id is NULL where a trader has none.
--   is_due: the account was in effect on the previous session; is_covered: it was fetched for it;
--   arrived_at: when it was fetched, where that was after the cut-off.
-- Parameters: :session (the one the limits are for), :previous (the one before it),
--   :cut_off (nothing known later enters).
SELECT
    s.trader_id,
    a.account_id,
    CASE WHEN a.effective_from <= :previous THEN 1 ELSE 0 END AS is_due,
    (
        SELECT COUNT(*)
        FROM coverage AS c
        WHERE c.account_id = a.account_id AND c.session = :previous AND c.known_at <= :cut_off
    ) AS is_covered,
    (
        SELECT MIN(c.known_at)
        FROM coverage AS c
        WHERE c.account_id = a.account_id AND c.session = :previous AND c.known_at > :cut_off
    ) AS arrived_at,
    (
        SELECT MAX(c.session)
        FROM coverage AS c
        WHERE c.account_id = a.account_id AND c.session <= :previous AND c.known_at <= :cut_off
    ) AS last_covered,
    (
        SELECT MAX(r.session)
        FROM daily_results AS r
        WHERE
            r.account_id = a.account_id
            AND r.session <= :previous
            AND r.known_at <= :cut_off
            AND (r.trades > 0 OR r.positions > 0)
    ) AS last_active
FROM roster_as_of AS s
LEFT JOIN accounts_as_of AS a
    ON a.trader_id = s.trader_id
    AND a.effective_from <= :session
    AND (a.effective_to IS NULL OR a.effective_to > :previous)
WHERE
    s.state = 'active'
    AND s.effective_from = (
        SELECT MAX(u.effective_from)
        FROM roster_as_of AS u
        WHERE u.trader_id = s.trader_id AND u.effective_from <= :session
    )
ORDER BY s.trader_id, a.account_id, a.effective_from
