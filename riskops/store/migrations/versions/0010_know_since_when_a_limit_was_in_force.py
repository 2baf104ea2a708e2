"""Know since when a limit was in force, and let the trading platform say the same again later.

Revision: 0010
Revises: 0009
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

EVER_SINCE = datetime(1970, 1, 1, tzinfo=UTC)  # of limits from before there were seals
FILE_KEY = ["session", "known_at"]
READ_BACK_OF = "fk_read_backs_session_known_at_read_back_files"


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    _let_applied_limits_have_versions()
    _let_a_file_be_read_again()


def downgrade() -> None:
    _let_a_file_be_read_once()
    _keep_the_applied_limits_that_count()


# --- applied limits ---------------------------------------------------------------------------


def _let_applied_limits_have_versions() -> None:
    """Add when each limit became known: when the newest mail of its session left."""
    with op.batch_alter_table("applied_limits") as batch_op:
        batch_op.add_column(sa.Column("known_at", _moment()))
    applied = sa.table("applied_limits", sa.column("session"), sa.column("known_at"))
    seals = sa.table("seals", *map(sa.column, ("session", "revision", "sealed_at")))
    newest = sa.select(sa.func.max(seals.c.revision)).where(seals.c.session == applied.c.session)
    left = sa.select(seals.c.sealed_at).where(
        seals.c.session == applied.c.session,
        seals.c.revision == newest.correlate(applied).scalar_subquery(),
    )
    since = sa.func.coalesce(
        left.correlate(applied).scalar_subquery(), sa.literal(EVER_SINCE, _moment()), type_=_moment()
    )
    op.execute(sa.update(applied).values(known_at=since))
    with op.batch_alter_table("applied_limits") as batch_op:
        batch_op.alter_column("known_at", nullable=False, existing_type=_moment())
        batch_op.drop_constraint("pk_applied_limits", type_="primary")
        batch_op.create_primary_key("pk_applied_limits", ["session", "trader_id", "origin", "known_at"])
        batch_op.create_check_constraint(batch_op.f("ck_applied_limits_limit"), "limit_cents > 0")


def _keep_the_applied_limits_that_count() -> None:
    """Keep what was read back last, else what left last."""
    op.execute("""DELETE FROM applied_limits WHERE EXISTS (
        SELECT 1 FROM applied_limits AS other
        WHERE other.session = applied_limits.session AND other.trader_id = applied_limits.trader_id
            AND (
                (other.origin = 'read_back' AND applied_limits.origin <> 'read_back')
                OR (
                    (other.origin = 'read_back') = (applied_limits.origin = 'read_back')
                    AND other.known_at > applied_limits.known_at
                )
            )
    )""")
    with op.batch_alter_table("applied_limits") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_applied_limits_limit"), type_="check")
        batch_op.drop_constraint("pk_applied_limits", type_="primary")
        batch_op.create_primary_key("pk_applied_limits", ["session", "trader_id"])
        batch_op.drop_column("known_at")


# --- what is read back ------------------------------------------------------------------------


def _let_a_file_be_read_again() -> None:
    """Tell files by session and moment: the same content may come again, the day after or after another."""
    with op.batch_alter_table("read_backs") as batch_op:
        batch_op.drop_constraint("fk_read_backs_digest_read_back_files", type_="foreignkey")
    with op.batch_alter_table("read_back_files") as batch_op:
        batch_op.drop_constraint("pk_read_back_files", type_="primary")
        batch_op.create_primary_key("pk_read_back_files", FILE_KEY)
    with op.batch_alter_table("read_backs") as batch_op:
        batch_op.create_foreign_key(READ_BACK_OF, "read_back_files", FILE_KEY, FILE_KEY)


def _let_a_file_be_read_once() -> None:
    """Keep the newest reading of every file."""
    for name in ("read_backs", "read_back_files"):
        table = sa.table(name, *map(sa.column, ("digest", "session", "known_at")))
        other = sa.table("read_back_files", *map(sa.column, ("digest", "session", "known_at"))).alias("other")
        is_newer = sa.or_(
            other.c.session > table.c.session,
            sa.and_(other.c.session == table.c.session, other.c.known_at > table.c.known_at),
        )
        newer = sa.select(other.c.digest).where(other.c.digest == table.c.digest, is_newer)
        op.execute(sa.delete(table).where(newer.correlate(table).exists()))
    with op.batch_alter_table("read_backs") as batch_op:
        batch_op.drop_constraint(READ_BACK_OF, type_="foreignkey")
    with op.batch_alter_table("read_back_files") as batch_op:
        batch_op.drop_constraint("pk_read_back_files", type_="primary")
        batch_op.create_primary_key("pk_read_back_files", ["digest"])
    with op.batch_alter_table("read_backs") as batch_op:
        batch_op.create_foreign_key(
            "fk_read_backs_digest_read_back_files", "read_back_files", ["digest"], ["digest"]
        )
