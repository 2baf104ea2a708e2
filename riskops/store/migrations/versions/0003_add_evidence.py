"""Add the ledger, the outcomes, the verb that records them, their economics and the monthly evaluations.

Revision: 0003
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

VERBS = ("ingest", "validate", "score_rules", "score_pooled_model", "compare", "choose", "publish", "compose_report", "send_report")
NEW_VERB = "record_outcomes"


def _identifier(length: int = 64) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_ledger()
    _create_outcomes()
    _create_economics()
    _create_evaluations()
    _let_stages_be_of(VERBS, (*VERBS[:5], NEW_VERB, *VERBS[5:]))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM stage_outcomes WHERE verb = :verb").bindparams(verb=NEW_VERB))
    _let_stages_be_of((*VERBS[:5], NEW_VERB, *VERBS[5:]), VERBS)
    for table in ("evaluations", "economics", "outcomes", "ledger"):
        op.drop_table(table)


def _let_stages_be_of(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """Change which verbs a stage may be of; SQLite makes the table anew for that."""
    name = op.f("ck_stage_outcomes_verb")
    with op.batch_alter_table("stage_outcomes", copy_from=_stage_outcomes(before)) as table:
        table.drop_constraint(name, type_="check")
        table.create_check_constraint(name, _one_of(after))


def _stage_outcomes(verbs: tuple[str, ...]) -> sa.Table:
    return sa.Table(
        "stage_outcomes",
        sa.MetaData(),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint("state IN ('started', 'done', 'failed')", name=op.f("ck_stage_outcomes_state")),
        sa.CheckConstraint(_one_of(verbs), name=op.f("ck_stage_outcomes_verb")),
        sa.PrimaryKeyConstraint("session", "revision", "verb", name=op.f("pk_stage_outcomes")),
    )


def _one_of(verbs: tuple[str, ...]) -> str:
    return f"verb IN ({', '.join(repr(verb) for verb in verbs)})"


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
