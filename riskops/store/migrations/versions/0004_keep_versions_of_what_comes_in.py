"""Keep versions of trades, and what a back office tells: fills, open lots, its own summaries, its accounts.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

VERSION = "superseded_at IS NULL OR superseded_at > known_at"
NET = "net_cents = gross_cents - fees_cents"


def _identifier(length: int = 64) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _decimal() -> sa.Numeric:
    return sa.Numeric(24, 8)


def upgrade() -> None:
    _let_trades_have_versions()
    _let_results_be_doubted()
    _create_fills()
    _create_open_lots()
    _create_broker_days()
    _create_source_accounts()


def downgrade() -> None:
    for table in ("source_accounts", "broker_days", "open_lots", "fills"):
        op.drop_table(table)
    _let_results_be_certain()
    _keep_the_newest_trades()


def _let_trades_have_versions() -> None:
    with op.batch_alter_table("trades") as batch_op:
        batch_op.add_column(sa.Column("opening_fill", sa.String(128)))
        batch_op.add_column(sa.Column("closing_fill", sa.String(128)))
        batch_op.add_column(sa.Column("source", sa.String(64)))
        batch_op.add_column(sa.Column("superseded_at", _moment()))
        batch_op.drop_constraint("pk_trades", type_="primary")
        batch_op.create_primary_key("pk_trades", ["account_id", "trade_id", "known_at"])
        batch_op.create_check_constraint(batch_op.f("ck_trades_version"), VERSION)
    _allow_one_current("trades", "account_id", "trade_id")


def _allow_one_current(table: str, *columns: str) -> None:
    is_current = sa.text("superseded_at IS NULL")
    op.create_index(
        op.f(f"uq_{table}_current"),
        table,
        list(columns),
        unique=True,
        sqlite_where=is_current,
        postgresql_where=is_current,
    )


def _keep_the_newest_trades() -> None:
    trades = sa.table("trades", sa.column("superseded_at"))
    op.execute(sa.delete(trades).where(trades.c.superseded_at.is_not(None)))
    op.drop_index(op.f("uq_trades_current"), "trades")
    with op.batch_alter_table("trades") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_trades_version"), type_="check")
        batch_op.drop_constraint("pk_trades", type_="primary")
        batch_op.create_primary_key("pk_trades", ["account_id", "trade_id"])
        for column in ("superseded_at", "source", "closing_fill", "opening_fill"):
            batch_op.drop_column(column)


def _let_results_be_doubted() -> None:
    with op.batch_alter_table("daily_results") as batch_op:
        batch_op.add_column(sa.Column("positions", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("other_net_cents", sa.BigInteger()))
        batch_op.alter_column("basis", type_=sa.String(40), existing_type=sa.String(32))
        batch_op.drop_constraint(batch_op.f("ck_daily_results_trades"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_daily_results_trades"), "trades >= 0 AND positions >= 0"
        )


def _let_results_be_certain() -> None:
    with op.batch_alter_table("daily_results") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_daily_results_trades"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_daily_results_trades"), "trades >= 0")
        batch_op.alter_column("basis", type_=sa.String(32), existing_type=sa.String(40))
        batch_op.drop_column("other_net_cents")
        batch_op.drop_column("positions")


def _create_fills() -> None:
    op.create_table(
        "fills",
        sa.Column("account_id", _identifier(), nullable=False),
        sa.Column("fill_id", _identifier(128), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(64), nullable=False),
        sa.Column("action", sa.String(1), nullable=False),
        sa.Column("quantity", _decimal(), nullable=False),
        sa.Column("price", _decimal(), nullable=False),
        sa.Column("fees", _decimal(), nullable=False),
        sa.Column("executed_at", _moment(), nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("superseded_at", _moment()),
        sa.CheckConstraint(VERSION, name=op.f("ck_fills_version")),
        sa.CheckConstraint("action IN ('B', 'S', 'T', 'C')", name=op.f("ck_fills_action")),
        sa.CheckConstraint("quantity > 0 AND price >= 0", name=op.f("ck_fills_amounts")),
        sa.PrimaryKeyConstraint("account_id", "fill_id", "known_at", name=op.f("pk_fills")),
    )
    op.create_index(op.f("ix_fills_session_account_id"), "fills", ["session", "account_id"])


def _create_open_lots() -> None:
    op.create_table(
        "open_lots",
        sa.Column("account_id", _identifier(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("fill_id", _identifier(128), nullable=False),
        sa.Column("quantity", _decimal(), nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("superseded_at", _moment()),
        sa.CheckConstraint(VERSION, name=op.f("ck_open_lots_version")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_open_lots_quantity")),
        sa.PrimaryKeyConstraint("account_id", "session", "fill_id", "known_at", name=op.f("pk_open_lots")),
    )


def _create_broker_days() -> None:
    op.create_table(
        "broker_days",
        sa.Column("account_id", _identifier(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("fees_cents", sa.BigInteger(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("adjustments_cents", sa.BigInteger(), nullable=False),
        sa.Column("unrealised_change_cents", sa.BigInteger()),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("superseded_at", _moment()),
        sa.CheckConstraint(VERSION, name=op.f("ck_broker_days_version")),
        sa.CheckConstraint(NET, name=op.f("ck_broker_days_net")),
        sa.PrimaryKeyConstraint("account_id", "session", "known_at", name=op.f("pk_broker_days")),
    )


def _create_source_accounts() -> None:
    op.create_table(
        "source_accounts",
        sa.Column("source", _identifier(), nullable=False),
        sa.Column("external_id", _identifier(), nullable=False),
        sa.Column("account_id", _identifier(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id", name=op.f("pk_source_accounts")),
    )
