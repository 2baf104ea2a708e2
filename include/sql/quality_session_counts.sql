-- Purpose: how many trades the desk closes a session, to judge the night's count.
-- Grain: one row a session some account was fetched for, the newest ones; quiet sessions count 0.
-- Parameters: :previous (sessions strictly before it), :sessions (how many at the most),
--   :cut_off (nothing known later enters).
SELECT
    c.session,
    COUNT(t.trade_id) AS trades
FROM (
    SELECT DISTINCT v.session
    FROM coverage AS v
    WHERE v.session < :previous AND v.known_at <= :cut_off
    ORDER BY v.session DESC
    LIMIT :sessions
) AS c
LEFT JOIN trades AS t
    ON t.session = c.session
    AND t.known_at <= :cut_off
    AND (t.superseded_at IS NULL OR t.superseded_at > :cut_off)
GROUP BY c.session
ORDER BY c.session
