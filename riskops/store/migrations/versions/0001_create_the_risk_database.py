"""Create the risk database.

Revision: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _identifier(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "applied_limits",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "origin IN ('read_back', 'override', 'published')", name=op.f("ck_applied_limits_origin")
        ),
        sa.PrimaryKeyConstraint("session", "trader_id", name=op.f("pk_applied_limits")),
    )
    op.create_table(
        "comparisons",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('model_wins', 'rules_hold', 'not_enough_evidence', 'model_failed')",
            name=op.f("ck_comparisons_verdict"),
        ),
        sa.PrimaryKeyConstraint("session", "revision", name=op.f("pk_comparisons")),
    )
    op.create_table(
        "coverage",
        sa.Column("account_id", _identifier(64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "session", name=op.f("pk_coverage")),
    )
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_coverage_session"), ["session"], unique=False)

    op.create_table(
        "cut_offs",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("cut_off_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session", "revision", name=op.f("pk_cut_offs")),
    )
    op.create_table(
        "daily_results",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("account_id", _identifier(64), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("fees_cents", sa.BigInteger(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("trades", sa.Integer(), nullable=False),
        sa.Column("volume_cents", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.CheckConstraint("net_cents = gross_cents - fees_cents", name=op.f("ck_daily_results_net")),
        sa.CheckConstraint("trades >= 0", name=op.f("ck_daily_results_trades")),
        sa.PrimaryKeyConstraint("session", "account_id", "known_at", name=op.f("pk_daily_results")),
    )
    op.create_table(
        "decisions",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("base_limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("reduction", sa.Integer(), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "limit_cents > 0 AND limit_cents <= base_limit_cents", name=op.f("ck_decisions_limit")
        ),
        sa.CheckConstraint("reduction BETWEEN 0 AND 80", name=op.f("ck_decisions_reduction")),
        sa.CheckConstraint("rung IN (1, 2, 3, 4)", name=op.f("ck_decisions_rung")),
        sa.PrimaryKeyConstraint("session", "revision", "trader_id", name=op.f("pk_decisions")),
    )
    op.create_table(
        "loads",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(length=400), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_loads")),
    )
    op.create_table(
        "outbox",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("deployment", sa.String(length=64), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("kind", _identifier(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("recipient", _identifier(320), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'refused')", name=op.f("ck_outbox_state")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_session_revision"), ["session", "revision"], unique=False)

    op.create_table(
        "publications",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("cut_off_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_version", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('model_wins', 'rules_hold', 'not_enough_evidence', 'model_failed')",
            name=op.f("ck_publications_verdict"),
        ),
        sa.CheckConstraint("rung IN (1, 2, 3, 4)", name=op.f("ck_publications_rung")),
        sa.PrimaryKeyConstraint("session", "revision", name=op.f("pk_publications")),
    )
    op.create_table(
        "published_limits",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("reduction", sa.Integer(), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("base_limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("session", "revision", "trader_id", name=op.f("pk_published_limits")),
    )
    op.create_table(
        "quality_results",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("check", sa.String(length=128), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("raised", sa.Boolean(), nullable=False),
        sa.Column("trader_id", _identifier(64), nullable=True),
        sa.Column("observed", sa.Text(), nullable=False),
        sa.Column("unexpected_count", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "severity IN ('critical', 'warning', 'info')", name=op.f("ck_quality_results_severity")
        ),
        sa.PrimaryKeyConstraint("session", "revision", "position", name=op.f("pk_quality_results")),
    )
    op.create_table(
        "reports",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", _identifier(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("session", "revision", "kind", name=op.f("pk_reports")),
    )
    op.create_table(
        "run_records",
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("run_type", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_run_records")),
    )
    with op.batch_alter_table("run_records", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_records_session_verb"), ["session", "verb"], unique=False)

    op.create_table(
        "scores",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("engine", sa.String(length=16), nullable=False),
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("reduction", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint("engine IN ('rules', 'pooled_model')", name=op.f("ck_scores_engine")),
        sa.CheckConstraint("reduction BETWEEN 0 AND 80", name=op.f("ck_scores_reduction")),
        sa.PrimaryKeyConstraint("session", "revision", "engine", "trader_id", name=op.f("pk_scores")),
    )
    op.create_table(
        "seals",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session", "revision", name=op.f("pk_seals")),
    )
    op.create_table(
        "signals",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.CheckConstraint("level BETWEEN 0 AND 80", name=op.f("ck_signals_level")),
        sa.PrimaryKeyConstraint("session", "revision", "trader_id", "rule", name=op.f("pk_signals")),
    )
    op.create_table(
        "stage_outcomes",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.CheckConstraint("state IN ('started', 'done', 'failed')", name=op.f("ck_stage_outcomes_state")),
        sa.CheckConstraint(
            "verb IN ('ingest', 'validate', 'score_rules', 'score_pooled_model', 'compare', 'choose', 'publish', 'compose_report', 'send_report')",
            name=op.f("ck_stage_outcomes_verb"),
        ),
        sa.PrimaryKeyConstraint("session", "revision", "verb", name=op.f("pk_stage_outcomes")),
    )
    op.create_table(
        "traders",
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("trader_id", name=op.f("pk_traders")),
    )
    op.create_table(
        "trades",
        sa.Column("account_id", _identifier(64), nullable=False),
        sa.Column("trade_id", _identifier(128), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=24, scale=8, asdecimal=False), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_price", sa.Numeric(precision=24, scale=8, asdecimal=False), nullable=True),
        sa.Column("exit_price", sa.Numeric(precision=24, scale=8, asdecimal=False), nullable=True),
        sa.Column("gross_cents", sa.BigInteger(), nullable=False),
        sa.Column("fees_cents", sa.BigInteger(), nullable=False),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("notional_cents", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("side IN ('long', 'short')", name=op.f("ck_trades_side")),
        sa.CheckConstraint("net_cents = gross_cents - fees_cents", name=op.f("ck_trades_net")),
        sa.CheckConstraint("opened_at IS NULL OR opened_at <= closed_at", name=op.f("ck_trades_order")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_trades_quantity")),
        sa.PrimaryKeyConstraint("account_id", "trade_id", name=op.f("pk_trades")),
    )
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_trades_session_account_id"), ["session", "account_id"], unique=False
        )

    op.create_table(
        "accounts",
        sa.Column("account_id", _identifier(64), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint("currency = 'USD'", name=op.f("ck_accounts_currency")),
        sa.CheckConstraint(
            "effective_to IS NULL OR effective_to > effective_from", name=op.f("ck_accounts_dates")
        ),
        sa.ForeignKeyConstraint(
            ["trader_id"], ["traders.trader_id"], name=op.f("fk_accounts_trader_id_traders")
        ),
        sa.PrimaryKeyConstraint("account_id", "effective_from", name=op.f("pk_accounts")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_trader_id"), ["trader_id"], unique=False)

    op.create_table(
        "base_limits",
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("base_limit_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("base_limit_cents > 0", name=op.f("ck_base_limits_positive")),
        sa.ForeignKeyConstraint(
            ["trader_id"], ["traders.trader_id"], name=op.f("fk_base_limits_trader_id_traders")
        ),
        sa.PrimaryKeyConstraint("trader_id", "effective_from", name=op.f("pk_base_limits")),
    )
    op.create_table(
        "rejected_rows",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["loads.digest"], name=op.f("fk_rejected_rows_digest_loads")),
        sa.PrimaryKeyConstraint("digest", "line", name=op.f("pk_rejected_rows")),
    )
    op.create_table(
        "roster",
        sa.Column("trader_id", _identifier(64), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('active', 'suspended', 'left')", name=op.f("ck_roster_state")),
        sa.ForeignKeyConstraint(
            ["trader_id"], ["traders.trader_id"], name=op.f("fk_roster_trader_id_traders")
        ),
        sa.PrimaryKeyConstraint("trader_id", "effective_from", name=op.f("pk_roster")),
    )


def downgrade() -> None:
    op.drop_table("roster")
    op.drop_table("rejected_rows")
    op.drop_table("base_limits")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accounts_trader_id"))

    op.drop_table("accounts")
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trades_session_account_id"))

    op.drop_table("trades")
    op.drop_table("traders")
    op.drop_table("stage_outcomes")
    op.drop_table("signals")
    op.drop_table("seals")
    op.drop_table("scores")
    with op.batch_alter_table("run_records", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_run_records_session_verb"))

    op.drop_table("run_records")
    op.drop_table("reports")
    op.drop_table("quality_results")
    op.drop_table("published_limits")
    op.drop_table("publications")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_session_revision"))

    op.drop_table("outbox")
    op.drop_table("loads")
    op.drop_table("decisions")
    op.drop_table("daily_results")
    op.drop_table("cut_offs")
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coverage_session"))

    op.drop_table("coverage")
    op.drop_table("comparisons")
    op.drop_table("applied_limits")
