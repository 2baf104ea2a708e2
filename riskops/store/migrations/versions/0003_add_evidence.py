"""Add the ledger, the outcomes, the verb that records them, their economics and the monthly evaluations.

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None



def _identifier(length: int = 64) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


ENGINES = ("rules", "pooled_model")
VERBS = (
    *("ingest", "validate", "score_rules", "score_pooled_model", "compare"),
    *("choose", "publish", "compose_report", "send_report"),
)
OF_VERBS = ("stage_outcomes", "run_records")


def upgrade() -> None:
    _allow_engines(*ENGINES, "own_models")
    _create_ledger()
    _create_outcomes()
    _create_economics()
    _create_evaluations()
    _allow_verbs(*VERBS[:5], "record_outcomes", *VERBS[5:])


def downgrade() -> None:
    for table in OF_VERBS:
        _forget(table, "verb", "record_outcomes")
    _allow_verbs(*VERBS)
    _forget("scores", "engine", "own_models")
    _allow_engines(*ENGINES)
    for table in ("evaluations", "economics", "outcomes", "ledger"):
        op.drop_table(table)


def _forget(table: str, column: str, word: str) -> None:
    op.execute(sa.delete(sa.table(table)).where(sa.column(column) == word))


def _allow_verbs(*verbs: str) -> None:
    for table in OF_VERBS:
        _allow(table, "verb", verbs)


def _allow_engines(*engines: str) -> None:
    _allow("scores", "engine", engines)


def _allow(table: str, column: str, words: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    with op.batch_alter_table(table) as batch_op:
        name = batch_op.f(f"ck_{table}_{column}")
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, f"{column} IN ({listed})")


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("kind", _identifier(16), nullable=False),
        sa.Column("specification", _identifier(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("recorded_at", _moment(), nullable=False),
        sa.CheckConstraint("kind IN ('registered', 'promoted', 'demoted')", name=op.f("ck_ledger_kind")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_ledger_number")),
        sa.PrimaryKeyConstraint("session", "kind", "specification", name=op.f("pk_ledger")),
    )


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("trader_id", _identifier(), nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("net_cents", sa.BigInteger()),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("base_limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("limit_origin", sa.String(16), nullable=False),
        sa.Column("rules_reduction", sa.Integer()),
        sa.Column("model_reduction", sa.Integer()),
        sa.Column("large_loss_probability", sa.Float()),
        sa.Column("large_loss", sa.Boolean()),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.CheckConstraint("limit_cents > 0 AND base_limit_cents > 0", name=op.f("ck_outcomes_limit")),
        sa.CheckConstraint(
            "limit_origin IN ('read_back', 'override', 'published', 'assumed')",
            name=op.f("ck_outcomes_limit_origin"),
        ),
        sa.CheckConstraint(
            "rules_reduction IS NULL OR rules_reduction BETWEEN 0 AND 80",
            name=op.f("ck_outcomes_rules_reduction"),
        ),
        sa.CheckConstraint(
            "model_reduction IS NULL OR model_reduction BETWEEN 0 AND 80",
            name=op.f("ck_outcomes_model_reduction"),
        ),
        sa.CheckConstraint(
            "large_loss_probability IS NULL OR large_loss_probability BETWEEN 0 AND 1",
            name=op.f("ck_outcomes_probability"),
        ),
        sa.PrimaryKeyConstraint("session", "trader_id", "known_at", name=op.f("pk_outcomes")),
    )


def _create_economics() -> None:
    op.create_table(
        "economics",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("trader_id", _identifier(), nullable=False),
        sa.Column("policy", _identifier(16), nullable=False),
        sa.Column("known_at", _moment(), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("prevented_cents", sa.BigInteger(), nullable=False),
        sa.Column("cost_cents", sa.BigInteger(), nullable=False),
        sa.Column("benefit_low_cents", sa.BigInteger(), nullable=False),
        sa.Column("benefit_high_cents", sa.BigInteger(), nullable=False),
        sa.Column("identified", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.CheckConstraint(
            "policy IN ('applied', 'rules', 'pooled_model')", name=op.f("ck_economics_policy")
        ),
        sa.CheckConstraint("method IN ('replay', 'bridge')", name=op.f("ck_economics_method")),
        sa.CheckConstraint("limit_cents > 0", name=op.f("ck_economics_limit")),
        sa.CheckConstraint("prevented_cents >= 0 AND cost_cents >= 0", name=op.f("ck_economics_split")),
        sa.CheckConstraint("benefit_low_cents <= benefit_high_cents", name=op.f("ck_economics_bounds")),
        sa.PrimaryKeyConstraint("session", "trader_id", "policy", "known_at", name=op.f("pk_economics")),
    )


def _create_evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("first_session", sa.Date(), nullable=False),
        sa.Column("last_session", sa.Date(), nullable=False),
        sa.Column("specification", sa.String(64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("recorded_at", _moment(), nullable=False),
        sa.CheckConstraint("first_session <= last_session", name=op.f("ck_evaluations_span")),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_evaluations")),
    )
