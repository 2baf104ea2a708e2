"""Keep overrides, acknowledgements, revisions and what the trading platform reads back.

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

LIMITS = ("decisions", "published_limits")
DECIDED = ("decided_reduction", "decided_limit_cents")
TABLES = (
    *("overrides_taken_back", "overrides", "acknowledgements", "revisions"),
    *("read_backs", "read_back_files"),
)


def _identifier() -> sa.String:
    return sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _recorded() -> list[sa.Column]:
    return [
        sa.Column("recorded_at", _moment(), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    ]


def _session_key() -> list[sa.Column]:
    return [
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
    ]


def upgrade() -> None:
    for table in LIMITS:
        _tell_what_was_decided(table)
    _create_overrides()
    _create_acknowledgements()
    _create_revisions()
    _create_read_backs()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    for table in LIMITS:
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint(op.f(f"ck_{table}_decided_reduction"), type_="check")
            batch_op.drop_constraint(op.f(f"ck_{table}_decided_limit"), type_="check")
            for name in DECIDED:
                batch_op.drop_column(name)


def _tell_what_was_decided(table: str) -> None:
    """Add what was decided without an override: so far there was none."""
    with op.batch_alter_table(table) as batch_op:
        batch_op.add_column(sa.Column("decided_reduction", sa.Integer()))
        batch_op.add_column(sa.Column("decided_limit_cents", sa.BigInteger()))
    limits = sa.table(table, *map(sa.column, (*DECIDED, "reduction", "limit_cents")))
    op.execute(
        sa.update(limits).values(
            decided_reduction=limits.c.reduction, decided_limit_cents=limits.c.limit_cents
        )
    )
    with op.batch_alter_table(table) as batch_op:
        batch_op.alter_column("decided_reduction", nullable=False, existing_type=sa.Integer())
        batch_op.alter_column("decided_limit_cents", nullable=False, existing_type=sa.BigInteger())
        batch_op.create_check_constraint(
            op.f(f"ck_{table}_decided_reduction"), "decided_reduction BETWEEN 0 AND 80"
        )
        batch_op.create_check_constraint(
            op.f(f"ck_{table}_decided_limit"),
            "decided_limit_cents > 0 AND decided_limit_cents <= base_limit_cents",
        )


def _create_overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trader_id", _identifier(), nullable=False),
        sa.Column("first_session", sa.Date(), nullable=False),
        sa.Column("last_session", sa.Date(), nullable=False),
        sa.Column("reduction", sa.Integer(), nullable=False),
        *_recorded(),
        sa.CheckConstraint("reduction BETWEEN 0 AND 80", name=op.f("ck_overrides_reduction")),
        sa.CheckConstraint("last_session >= first_session", name=op.f("ck_overrides_sessions")),
        sa.ForeignKeyConstraint(
            ["trader_id"], ["traders.trader_id"], name=op.f("fk_overrides_trader_id_traders")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_overrides")),
    )
    op.create_index(op.f("ix_overrides_trader_id"), "overrides", ["trader_id"])
    op.create_table(
        "overrides_taken_back",
        sa.Column("number", sa.Integer(), nullable=False),
        *_recorded(),
        sa.ForeignKeyConstraint(
            ["number"], ["overrides.number"], name=op.f("fk_overrides_taken_back_number_overrides")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_overrides_taken_back")),
    )


def _create_acknowledgements() -> None:
    op.create_table(
        "acknowledgements",
        *_session_key(),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", _moment(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session", "revision", "recorded_by", name=op.f("pk_acknowledgements")),
    )


def _create_revisions() -> None:
    op.create_table(
        "revisions",
        *_session_key(),
        *_recorded(),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.UniqueConstraint("session", "run_id", name=op.f("uq_revisions_session_run_id")),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_revisions_revision")),
        sa.PrimaryKeyConstraint("session", "revision", name=op.f("pk_revisions")),
    )


def _create_read_backs() -> None:
    op.create_table(
        "read_back_files",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("file_name", sa.String(400), nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_read_back_files")),
    )
    op.create_table(
        "read_backs",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("trader_id", _identifier(), nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.CheckConstraint("limit_cents >= 0", name=op.f("ck_read_backs_limit")),
        sa.ForeignKeyConstraint(
            ["digest"], ["read_back_files.digest"], name=op.f("fk_read_backs_digest_read_back_files")
        ),
        sa.PrimaryKeyConstraint("session", "trader_id", "known_at", name=op.f("pk_read_backs")),
    )
