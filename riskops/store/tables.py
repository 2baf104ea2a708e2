"""The tables of the risk database, one code path for SQLite and PostgreSQL.

Money is integer cents, moments are UTC, a revision of a session starts at 0. What comes from outside has
versions: a row was known from `known_at` until `superseded_at`, and a correction is a row of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from riskops.records import (
    Action,
    Engine,
    LedgerKind,
    LimitOrigin,
    RosterState,
    Rung,
    RunType,
    Severity,
    Side,
    Verb,
    Verdict,
)

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING_CONVENTION)


class UtcDateTime(sa.types.TypeDecorator):
    """Aware moments only; kept as UTC, also where the database knows no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments and convert the others to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone.")
        moment = value if value.tzinfo is UTC else value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def identifier(length: int = 64) -> sa.String:
    """Return the type of identifiers: ordered by code point, whatever language the server speaks."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _one_of(column: str, words: type) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _rung() -> sa.CheckConstraint:
    return sa.CheckConstraint(f"rung IN ({', '.join(str(int(rung)) for rung in Rung)})", name="rung")


def _limit() -> list[sa.CheckConstraint]:
    """Return what holds for every limit: a cut of at most 80 %, and never above the base limit."""
    return [
        sa.CheckConstraint("reduction BETWEEN 0 AND 80", name="reduction"),
        sa.CheckConstraint("limit_cents > 0 AND limit_cents <= base_limit_cents", name="limit"),
        _rung(),
    ]


def _decided() -> list[sa.Column | sa.CheckConstraint]:
    """Return what was decided without anybody's override: the same, where there is none."""
    return [
        sa.Column("decided_reduction", sa.Integer, nullable=False),
        sa.Column("decided_limit_cents", sa.BigInteger, nullable=False),
        sa.CheckConstraint("decided_reduction BETWEEN 0 AND 80", name="decided_reduction"),
        sa.CheckConstraint(
            "decided_limit_cents > 0 AND decided_limit_cents <= base_limit_cents", name="decided_limit"
        ),
    ]


def _recorded() -> list[sa.Column]:
    """Return when something was recorded, by whom and why."""
    return [
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    ]


def _session_key() -> list[sa.Column]:
    return [
        sa.Column("session", sa.Date, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
    ]


def _decimal() -> sa.Numeric:
    return sa.Numeric(24, 8, asdecimal=False)


def _version() -> list[sa.Column | sa.CheckConstraint]:
    """Return the span in which a row was what we knew: from `known_at`, until `superseded_at`."""
    return [
        sa.Column("known_at", UtcDateTime, primary_key=True),
        sa.Column("superseded_at", UtcDateTime),
        sa.CheckConstraint("superseded_at IS NULL OR superseded_at > known_at", name="version"),
    ]


def _entered() -> list[sa.Column]:
    """Return from when on an entry of the roster is known, when it was written, by whom and why.

    A change is a row of its own: of one subject and effective date the newest one known counts.
    """
    return [
        sa.Column("known_at", UtcDateTime, primary_key=True),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    ]


def _withdrawn() -> sa.Column:
    """Return the flag of an entry that takes back the one of the same subject and effective date."""
    return sa.Column("withdrawn", sa.Boolean, nullable=False)


def _one_current(table: str, *columns: str) -> sa.Index:
    """Return what keeps a key from having two rows that nothing has superseded."""
    is_current = sa.text("superseded_at IS NULL")
    return sa.Index(
        f"uq_{table}_current", *columns, unique=True, sqlite_where=is_current, postgresql_where=is_current
    )


traders = sa.Table(
    "traders",
    metadata,
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    info={"grain": "One row a trader: a person with one limit, under the name of the enrolment."},
)

trader_names = sa.Table(
    "trader_names",
    metadata,
    sa.Column("trader_id", sa.ForeignKey("traders.trader_id"), primary_key=True),
    *_entered(),
    sa.Column("name", sa.String(200), nullable=False),
    info={"grain": "One row a trader and version: the name from its `known_at` on, where it is another one."},
)

roster = sa.Table(
    "roster",
    metadata,
    sa.Column("trader_id", sa.ForeignKey("traders.trader_id"), primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    *_entered(),
    _withdrawn(),
    sa.Column("state", sa.String(16), nullable=False),
    _one_of("state", RosterState),
    info={"grain": "One row a trader, date and version: what the trader may do from then on."},
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    *_entered(),
    _withdrawn(),
    sa.Column("effective_to", sa.Date),
    sa.Column("trader_id", sa.ForeignKey("traders.trader_id"), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.CheckConstraint("effective_to IS NULL OR effective_to > effective_from", name="dates"),
    sa.CheckConstraint("currency = 'USD'", name="currency"),
    sa.Index(None, "trader_id"),
    info={"grain": "One row an account, date and version: whose it is from then on."},
)

base_limits = sa.Table(
    "base_limits",
    metadata,
    sa.Column("trader_id", sa.ForeignKey("traders.trader_id"), primary_key=True),
    sa.Column("effective_from", sa.Date, primary_key=True),
    *_entered(),
    _withdrawn(),
    sa.Column("base_limit_cents", sa.BigInteger, nullable=False),
    sa.CheckConstraint("base_limit_cents > 0", name="positive"),
    info={"grain": "One row a trader, date and version: the daily loss limit from then on, before any cut."},
)

loads = sa.Table(
    "loads",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("file_name", sa.String(400), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("rejected", sa.Integer, nullable=False),
    sa.Column("known_at", UtcDateTime, nullable=False),
    info={"grain": "One row a file that was loaded."},
)

rejected_rows = sa.Table(
    "rejected_rows",
    metadata,
    sa.Column("digest", sa.ForeignKey("loads.digest"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    info={"grain": "One row a line of a loaded file that was refused, and why."},
)

trades = sa.Table(
    "trades",
    metadata,
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("trade_id", identifier(128), primary_key=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("symbol", sa.String(64), nullable=False),
    sa.Column("side", sa.String(8), nullable=False),
    sa.Column("quantity", _decimal(), nullable=False),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime, nullable=False),
    sa.Column("entry_price", _decimal()),
    sa.Column("exit_price", _decimal()),
    sa.Column("gross_cents", sa.BigInteger, nullable=False),
    sa.Column("fees_cents", sa.BigInteger, nullable=False),
    sa.Column("net_cents", sa.BigInteger, nullable=False),
    sa.Column("notional_cents", sa.BigInteger, nullable=False),
    sa.Column("opening_fill", sa.String(128)),
    sa.Column("closing_fill", sa.String(128)),
    sa.Column("source", sa.String(64)),
    *_version(),
    _one_of("side", Side),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    sa.CheckConstraint("net_cents = gross_cents - fees_cents", name="net"),
    sa.CheckConstraint("opened_at IS NULL OR opened_at <= closed_at", name="order"),
    sa.Index(None, "session", "account_id"),
    _one_current("trades", "account_id", "trade_id"),
    info={"grain": "One row a closed trade and version of it."},
)

fills = sa.Table(
    "fills",
    metadata,
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("fill_id", identifier(128), primary_key=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("symbol", sa.String(64), nullable=False),
    sa.Column("action", sa.String(1), nullable=False),
    sa.Column("quantity", _decimal(), nullable=False),
    sa.Column("price", _decimal(), nullable=False),
    sa.Column("fees", _decimal(), nullable=False),
    sa.Column("executed_at", UtcDateTime, nullable=False),
    *_version(),
    _one_of("action", Action),
    sa.CheckConstraint("quantity > 0 AND price >= 0", name="amounts"),
    sa.Index(None, "session", "account_id"),
    info={"grain": "One row an execution and version of it, as the broker reports it."},
)

open_lots = sa.Table(
    "open_lots",
    metadata,
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("fill_id", identifier(128), primary_key=True),
    sa.Column("quantity", _decimal(), nullable=False),
    *_version(),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    info={"grain": "One row a fill and session: what of the fill is still open when the session ends."},
)

broker_days = sa.Table(
    "broker_days",
    metadata,
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("gross_cents", sa.BigInteger, nullable=False),
    sa.Column("fees_cents", sa.BigInteger, nullable=False),
    sa.Column("net_cents", sa.BigInteger, nullable=False),
    sa.Column("adjustments_cents", sa.BigInteger, nullable=False),
    sa.Column("unrealised_change_cents", sa.BigInteger),
    *_version(),
    sa.CheckConstraint("net_cents = gross_cents - fees_cents", name="net"),
    info={"grain": "One row an account, session and version: the broker's own summary of the day."},
)

source_accounts = sa.Table(
    "source_accounts",
    metadata,
    sa.Column("source", identifier(), primary_key=True),
    sa.Column("external_id", identifier(), primary_key=True),
    sa.Column("account_id", identifier(), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    info={"grain": "One row an account as a source calls it: which of ours it is."},
)

daily_results = sa.Table(
    "daily_results",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("known_at", UtcDateTime, primary_key=True),
    sa.Column("gross_cents", sa.BigInteger, nullable=False),
    sa.Column("fees_cents", sa.BigInteger, nullable=False),
    sa.Column("net_cents", sa.BigInteger, nullable=False),
    sa.Column("trades", sa.Integer, nullable=False),
    sa.Column("volume_cents", sa.BigInteger, nullable=False),
    sa.Column("basis", sa.String(40), nullable=False),
    sa.Column("positions", sa.Integer, nullable=False, server_default="0"),
    sa.Column("other_net_cents", sa.BigInteger),
    sa.CheckConstraint("net_cents = gross_cents - fees_cents", name="net"),
    sa.CheckConstraint("trades >= 0 AND positions >= 0", name="trades"),
    info={"grain": "One row an account, session and version: what the day came to."},
)

coverage = sa.Table(
    "coverage",
    metadata,
    sa.Column("account_id", identifier(), primary_key=True),
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("known_at", UtcDateTime, nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Index(None, "session"),
    info={"grain": "One row an account and session that a source confirms as fetched."},
)

cut_offs = sa.Table(
    "cut_offs",
    metadata,
    *_session_key(),
    sa.Column("cut_off_at", UtcDateTime, nullable=False),
    info={"grain": "One row a session and revision: the moment after which nothing known enters."},
)

stage_outcomes = sa.Table(
    "stage_outcomes",
    metadata,
    *_session_key(),
    sa.Column("verb", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    _one_of("verb", Verb),
    sa.CheckConstraint("state IN ('started', 'done', 'failed')", name="state"),
    info={"grain": "One row a session, revision and verb: how far the verb came, and what it left."},
)

quality_results = sa.Table(
    "quality_results",
    metadata,
    *_session_key(),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("check", sa.String(128), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("raised", sa.Boolean, nullable=False),
    sa.Column("trader_id", identifier()),
    sa.Column("observed", sa.Text, nullable=False),
    sa.Column("unexpected_count", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    _one_of("severity", Severity),
    info={"grain": "One row a session, revision and data check: what it found."},
)

signals = sa.Table(
    "signals",
    metadata,
    *_session_key(),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("rule", sa.String(32), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("numbers", sa.JSON, nullable=False),
    sa.CheckConstraint("level BETWEEN 0 AND 80", name="level"),
    info={"grain": "One row a session, revision, trader and rule that fired."},
)

scores = sa.Table(
    "scores",
    metadata,
    *_session_key(),
    sa.Column("engine", sa.String(16), primary_key=True),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("reduction", sa.Integer, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    _one_of("engine", Engine),
    sa.CheckConstraint("reduction BETWEEN 0 AND 80", name="reduction"),
    info={"grain": "One row a session, revision, engine and trader: the reduction the engine asks for."},
)

comparisons = sa.Table(
    "comparisons",
    metadata,
    *_session_key(),
    sa.Column("verdict", sa.String(32), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    _one_of("verdict", Verdict),
    info={"grain": "One row a session and revision: champion against challenger, with the evidence."},
)

publications = sa.Table(
    "publications",
    metadata,
    *_session_key(),
    sa.Column("rung", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(32), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("cut_off_at", UtcDateTime, nullable=False),
    sa.Column("code_version", sa.String(64), nullable=False),
    _one_of("verdict", Verdict),
    _rung(),
    info={"grain": "One row a session and revision: the choice of the morning."},
)

decisions = sa.Table(
    "decisions",
    metadata,
    *_session_key(),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("base_limit_cents", sa.BigInteger, nullable=False),
    sa.Column("reduction", sa.Integer, nullable=False),
    sa.Column("limit_cents", sa.BigInteger, nullable=False),
    sa.Column("rung", sa.Integer, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    *_decided(),
    *_limit(),
    info={"grain": "One row a session, revision and trader: the limit, and what the mail says of it."},
)

decision_records = sa.Table(
    "decision_records",
    metadata,
    *_session_key(),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    info={"grain": "One row a session and revision: all the decision rests on as one text, and its SHA-256."},
)

reports = sa.Table(
    "reports",
    metadata,
    *_session_key(),
    sa.Column("kind", identifier(16), primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    info={"grain": "One row a session, revision and kind: the mail as it was composed."},
)

report_images = sa.Table(
    "report_images",
    metadata,
    *_session_key(),
    sa.Column("kind", identifier(16), primary_key=True),
    sa.Column("content_id", identifier(), primary_key=True),
    sa.Column("png", sa.LargeBinary, nullable=False),
    info={"grain": "One row a chart of a report, as it was drawn; the HTML names it by its content id."},
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("deployment", sa.String(64), nullable=False),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("kind", identifier(16), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("recipient", identifier(320), nullable=False),
    sa.Column("message_id", sa.String(200), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.CheckConstraint("state IN ('pending', 'sending', 'sent', 'refused')", name="state"),
    sa.Index(None, "session", "revision"),
    info={"grain": "One row a mail and recipient: whether it left."},
)

seals = sa.Table(
    "seals",
    metadata,
    *_session_key(),
    sa.Column("sealed_at", UtcDateTime, nullable=False),
    info={"grain": "One row a session and revision whose mail is out: its limits stand."},
)

published_limits = sa.Table(
    "published_limits",
    metadata,
    *_session_key(),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("reduction", sa.Integer, nullable=False),
    sa.Column("limit_cents", sa.BigInteger, nullable=False),
    sa.Column("base_limit_cents", sa.BigInteger, nullable=False),
    sa.Column("rung", sa.Integer, nullable=False),
    *_decided(),
    *_limit(),
    info={"grain": "One row a session, revision and trader: the limit that was sent."},
)

overrides = sa.Table(
    "overrides",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("trader_id", sa.ForeignKey("traders.trader_id"), nullable=False),
    sa.Column("first_session", sa.Date, nullable=False),
    sa.Column("last_session", sa.Date, nullable=False),
    sa.Column("reduction", sa.Integer, nullable=False),
    *_recorded(),
    sa.CheckConstraint("reduction BETWEEN 0 AND 80", name="reduction"),
    sa.CheckConstraint("last_session >= first_session", name="sessions"),
    sa.Index(None, "trader_id"),
    info={"grain": "One row an override: whose cut it sets, for which sessions, by whom and why."},
)

overrides_taken_back = sa.Table(
    "overrides_taken_back",
    metadata,
    sa.Column("number", sa.ForeignKey("overrides.number"), primary_key=True),
    *_recorded(),
    info={"grain": "One row an override that somebody ended before its time."},
)

acknowledgements = sa.Table(
    "acknowledgements",
    metadata,
    *_session_key(),
    sa.Column("recorded_by", sa.String(200), primary_key=True),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    info={"grain": "One row a session, revision and person who says that he has read the mail."},
)

revisions = sa.Table(
    "revisions",
    metadata,
    *_session_key(),
    *_recorded(),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.UniqueConstraint("session", "run_id"),
    sa.CheckConstraint("revision >= 1", name="revision"),
    info={"grain": "One row a correction of a session: who asked for it and why; its mail has the number."},
)

read_back_files = sa.Table(
    "read_back_files",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("file_name", sa.String(400), nullable=False),
    sa.Column("known_at", UtcDateTime, nullable=False),
    info={"grain": "One row a file in which the trading platform says which limits it has."},
)

read_backs = sa.Table(
    "read_backs",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("known_at", UtcDateTime, primary_key=True),
    sa.Column("limit_cents", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.ForeignKey("read_back_files.digest"), nullable=False),
    sa.CheckConstraint("limit_cents >= 0", name="limit"),
    info={"grain": "One row a session, trader and reading: the limit that the trading platform has."},
)

applied_limits = sa.Table(
    "applied_limits",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("limit_cents", sa.BigInteger, nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.CheckConstraint("origin IN ('read_back', 'override', 'published')", name="origin"),
    info={"grain": "One row a session and trader: the limit that was really in force."},
)

run_records = sa.Table(
    "run_records",
    metadata,
    sa.Column("record_id", sa.Integer, primary_key=True),
    sa.Column("session", sa.Date, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("verb", sa.String(32), nullable=False),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("run_type", sa.String(16), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    _one_of("verb", Verb),
    _one_of("run_type", RunType),
    sa.CheckConstraint(
        "state IN ('started', 'done', 'failed', 'adopted', 'taken over', 'nothing new')", name="state"
    ),
    sa.CheckConstraint("(state = 'started') = (finished_at IS NULL)", name="finished"),
    sa.Index(None, "session", "verb"),
    info={"grain": "One row a run of a verb: who asked for it, when, and how it ended."},
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("kind", identifier(16), primary_key=True),
    sa.Column("specification", identifier(), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    _one_of("kind", LedgerKind),
    sa.CheckConstraint("number >= 1", name="number"),
    info={"grain": "One row a registration, promotion or demotion of a challenger."},
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("known_at", UtcDateTime, primary_key=True),
    sa.Column("net_cents", sa.BigInteger),
    sa.Column("limit_cents", sa.BigInteger, nullable=False),
    sa.Column("base_limit_cents", sa.BigInteger, nullable=False),
    sa.Column("limit_origin", sa.String(16), nullable=False),
    sa.Column("rules_reduction", sa.Integer),
    sa.Column("model_reduction", sa.Integer),
    sa.Column("large_loss_probability", sa.Float),
    sa.Column("large_loss", sa.Boolean),
    sa.Column("breached", sa.Boolean, nullable=False),
    sa.CheckConstraint("limit_cents > 0 AND base_limit_cents > 0", name="limit"),
    _one_of("limit_origin", LimitOrigin),
    sa.CheckConstraint("rules_reduction IS NULL OR rules_reduction BETWEEN 0 AND 80", name="rules_reduction"),
    sa.CheckConstraint("model_reduction IS NULL OR model_reduction BETWEEN 0 AND 80", name="model_reduction"),
    sa.CheckConstraint(
        "large_loss_probability IS NULL OR large_loss_probability BETWEEN 0 AND 1", name="probability"
    ),
    info={"grain": "One row a session, trader and version: the day lived under its limit."},
)

economics = sa.Table(
    "economics",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("trader_id", identifier(), primary_key=True),
    sa.Column("policy", identifier(16), primary_key=True),
    sa.Column("known_at", UtcDateTime, primary_key=True),
    sa.Column("limit_cents", sa.BigInteger, nullable=False),
    sa.Column("prevented_cents", sa.BigInteger, nullable=False),
    sa.Column("cost_cents", sa.BigInteger, nullable=False),
    sa.Column("benefit_low_cents", sa.BigInteger, nullable=False),
    sa.Column("benefit_high_cents", sa.BigInteger, nullable=False),
    sa.Column("identified", sa.Boolean, nullable=False),
    sa.Column("method", sa.String(16), nullable=False),
    sa.CheckConstraint(
        "policy IN ('applied', 'rules', 'pooled_model', 'decided', 'override')", name="policy"
    ),
    sa.CheckConstraint("method IN ('replay', 'bridge')", name="method"),
    sa.CheckConstraint("limit_cents > 0", name="limit"),
    sa.CheckConstraint("prevented_cents >= 0 AND cost_cents >= 0", name="split"),
    sa.CheckConstraint("benefit_low_cents <= benefit_high_cents", name="bounds"),
    info={"grain": "One row a session, trader, policy and version: what the policy's limit was worth."},
)

evaluations = sa.Table(
    "evaluations",
    metadata,
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("first_session", sa.Date, nullable=False),
    sa.Column("last_session", sa.Date, nullable=False),
    sa.Column("specification", sa.String(64), nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("first_session <= last_session", name="span"),
    info={"grain": "One row a session on which the evidence was evaluated: the page of it."},
)
