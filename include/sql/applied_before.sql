-- Purpose: the limits really in force on earlier sessions: read back, overridden or published.
-- Grain: one row a trader and session.
-- Parameters: :session (strictly before it).
SELECT
    l.trader_id,
    l.session,
    l.limit_cents,
    l.origin
FROM applied_limits AS l
WHERE l.session < :session
ORDER BY l.trader_id, l.session
