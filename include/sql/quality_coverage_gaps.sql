-- Purpose: sessions the desk was fetched for and one of its accounts was not.
-- Grain: one row an account of an active trader and session missing since the account's first one;
--   arrived_at: when it was fetched, where that was after the cut-off.
-- Parameters: :session (the one the limits are for), :first (session, included),
--   :previous (sessions strictly before it), :cut_off (nothing known later enters).
SELECT
    a.account_id,
    a.trader_id,
    d.session,
    (
        SELECT MIN(l.known_at)
        FROM coverage AS l
        WHERE l.account_id = a.account_id AND l.session = d.session AND l.known_at > :cut_off
    ) AS arrived_at
FROM (
    SELECT DISTINCT v.session
    FROM coverage AS v
    WHERE v.session >= :first AND v.session < :previous AND v.known_at <= :cut_off
) AS d
INNER JOIN accounts_as_of AS a
    ON a.effective_from <= d.session
    AND (a.effective_to IS NULL OR d.session < a.effective_to)
INNER JOIN roster_as_of AS s
    ON s.trader_id = a.trader_id
    AND s.state = 'active'
    AND s.effective_from = (
        SELECT MAX(u.effective_from)
        FROM roster_as_of AS u
        WHERE u.trader_id = s.trader_id AND u.effective_from <= :session
    )
WHERE
    EXISTS (
        SELECT 1
        FROM coverage AS e
        WHERE e.account_id = a.account_id AND e.session < d.session AND e.known_at <= :cut_off
    )
    AND NOT EXISTS (
        SELECT 1
        FROM coverage AS c
        WHERE c.account_id = a.account_id AND c.session = d.session AND c.known_at <= :cut_off
    )
ORDER BY a.account_id, d.session
