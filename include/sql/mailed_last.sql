-- Purpose: the limits of the last session whose mail left, in its newest revision: overrides included.
-- Grain: one row a trader.
-- Parameters: :session (strictly before it).
SELECT
    p.trader_id,
    p.session,
    p.revision,
    p.limit_cents,
    p.reduction
FROM published_limits AS p
WHERE
    p.session = (SELECT MAX(l.session) FROM published_limits AS l WHERE l.session < :session)
    AND p.revision = (SELECT MAX(q.revision) FROM published_limits AS q WHERE q.session = p.session)
ORDER BY p.trader_id
