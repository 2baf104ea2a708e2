"""Know of every entry of the roster since when it is known, who made it and why; names have versions too.

Revision: 0005
Revises: 0004
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

EARLY = datetime(1970, 1, 1, tzinfo=UTC)
NOT_RECORDED = "not recorded"
KEYS = {
    "roster": ("trader_id", "effective_from"),
    "accounts": ("account_id", "effective_from"),
    "base_limits": ("trader_id", "effective_from"),
}


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _entered() -> list[sa.Column]:
    return [
        sa.Column("known_at", _moment()),
        sa.Column("recorded_at", _moment()),
        sa.Column("recorded_by", sa.String(200)),
        sa.Column("reason", sa.Text()),
        sa.Column("withdrawn", sa.Boolean()),
    ]


def upgrade() -> None:
    for table, key in KEYS.items():
        _add_columns(table)
        _let_entries_have_versions(table, key)
    _create_trader_names()


def downgrade() -> None:
    _keep_the_newest_names()
    for table, key in KEYS.items():
        _keep_the_newest_entries(table, key)


def _add_columns(table: str) -> None:
    """Add the columns; what is there was known ever since."""
    with op.batch_alter_table(table) as batch_op:
        for column in _entered():
            batch_op.add_column(column)
    known = {"known_at": EARLY, "recorded_at": EARLY, "withdrawn": False}
    told = {"recorded_by": NOT_RECORDED, "reason": NOT_RECORDED}
    op.execute(sa.update(sa.table(table, *_entered())).values(**known, **told))


def _let_entries_have_versions(table: str, key: tuple[str, ...]) -> None:
    with op.batch_alter_table(table) as batch_op:
        for column in _entered():
            batch_op.alter_column(column.name, nullable=False, existing_type=column.type)
        batch_op.drop_constraint(f"pk_{table}", type_="primary")
        batch_op.create_primary_key(f"pk_{table}", [*key, "known_at"])


def _keep_the_newest_entries(table: str, key: tuple[str, ...]) -> None:
    """Keep of every subject and date what counts now."""
    entries = sa.table(table, *_entered(), *map(sa.column, key[:1]), sa.column(key[1], sa.Date))
    newer = entries.alias("newer")
    same = [newer.c[name] == entries.c[name] for name in key]
    is_superseded = sa.exists().where(*same, newer.c.known_at > entries.c.known_at)
    op.execute(sa.delete(entries).where(sa.or_(entries.c.withdrawn, is_superseded)))
    with op.batch_alter_table(table) as batch_op:
        batch_op.drop_constraint(f"pk_{table}", type_="primary")
        batch_op.create_primary_key(f"pk_{table}", [*key])
        for column in _entered():
            batch_op.drop_column(column.name)


def _create_trader_names() -> None:
    trader_id = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    op.create_table(
        "trader_names",
        sa.Column("trader_id", trader_id, nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("recorded_at", _moment(), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["trader_id"], ["traders.trader_id"], name=op.f("fk_trader_names_trader_id_traders")
        ),
        sa.PrimaryKeyConstraint("trader_id", "known_at", name=op.f("pk_trader_names")),
    )


def _keep_the_newest_names() -> None:
    traders = sa.table("traders", sa.column("trader_id"), sa.column("name"))
    names = sa.table("trader_names", *map(sa.column, ("trader_id", "name", "known_at")))
    newest = sa.select(names.c.name).where(names.c.trader_id == traders.c.trader_id)
    newest = newest.order_by(names.c.known_at.desc()).limit(1).scalar_subquery()
    op.execute(sa.update(traders).values(name=sa.func.coalesce(newest, traders.c.name)))
    op.drop_table("trader_names")
