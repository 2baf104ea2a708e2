-- Purpose: what was decided, overrides aside, for the sessions whose mail left, newest revision.
-- Grain: one row a trader and session.
-- Parameters: :session (strictly before it).
SELECT
    p.trader_id,
    p.session,
    p.decided_reduction AS reduction,
    p.decided_limit_cents AS limit_cents,
    p.base_limit_cents,
    p.rung
FROM published_limits AS p
WHERE
    p.session < :session
    AND p.revision = (
        SELECT MAX(q.revision)
        FROM published_limits AS q
        WHERE q.session = p.session AND q.trader_id = p.trader_id
    )
ORDER BY p.trader_id, p.session
