"""The page of the risk database, docs/data.md, made from the tables the code declares.

``python -m riskops.store.catalogue > docs/data.md`` writes it anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from riskops.store.tables import UtcDateTime, metadata

COMMAND = "python -m riskops.store.catalogue > docs/data.md"
SUBJECTS = {
    "Who trades": ("traders", "trader_names", "roster", "accounts", "source_accounts", "base_limits"),
    "What comes in": ("loads", "rejected_rows", "coverage", "fills", "trades", "open_lots", "broker_days"),
    "What a day came to": (
        *("daily_results", "read_back_files", "read_backs", "applied_limits", "outcomes", "economics"),
    ),
    "A morning": ("cut_offs", "quality_results", "signals", "scores", "comparisons"),
    "What was decided and sent": (
        "publications",
        "decisions",
        "decision_records",
        "reports",
        "report_images",
        "outbox",
        "seals",
        "published_limits",
    ),
    "What people say": ("overrides", "overrides_taken_back", "acknowledgements", "revisions"),
    "Runs and evidence": ("run_records", "stage_outcomes", "ledger", "evaluations"),
}

_HEAD = f"""# The risk database

This page is made from `riskops/store/tables.py`: run `{COMMAND}` after a change there.

* One database, SQLite or PostgreSQL, with the same tables.
* Money is integer cents, `..._cents`. A moment is UTC. A session is the trading date of the exchange.
* A revision of a session starts at 0; every correction has the next number.
* What comes from outside has **versions**: a row was what we knew from its `known_at` until its
  `superseded_at`, and still is where that is empty. Nothing is overwritten, so the knowledge of any
  morning can be read again: `known_at <= cut-off AND (superseded_at IS NULL OR superseded_at > cut-off)`.
  Of daily results the version of a cut-off is the newest one known by then.
* An entry of the roster has versions, too: of one trader (or account) and `effective_from` the newest one
  known by the cut-off counts, and where that is `withdrawn` nothing does. `recorded_by` and `reason` say by
  whose word; `recorded_at` is when it was entered, `known_at` since when it counts as known.

Trace a number: [from the mail to the fills](#how-a-number-in-the-mail-is-traced-to-the-fills).
"""

_TRACE_HEAD = """## How a number in the mail is traced to the fills

A limit rests on a decision, the decision on signals and scores, these on daily results, a daily result
on closed trades, and a trade on two fills. Every query runs on SQLite and on PostgreSQL; bind `:session`
and `:revision` (both in the mail) and what the step before has found. All of them read what was known at
the cut-off of that morning, whatever was corrected since. `riskops explain`
says of every number of the mail how it was computed and at which of these places it is on record.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step from the mail down to the fills: what it finds, and the query."""

    title: str
    told: str
    query: str


TRACE = (
    Step(
        "The limit, and the morning it was decided on",
        "`rung` and `why` say who decided, `detail` is everything the mail says of the trader.",
        """SELECT p.cut_off_at, p.rung, p.verdict, p.why, p.code_version,
    d.base_limit_cents, d.reduction, d.limit_cents, d.detail
FROM decisions AS d
INNER JOIN publications AS p ON p.session = d.session AND p.revision = d.revision
WHERE d.session = :session AND d.revision = :revision AND d.trader_id = :trader_id""",
    ),
    Step(
        "The rules that fired",
        "The level of each, the reason in the mail, and the numbers that went into it.",
        """SELECT rule, level, reason, numbers
FROM signals
WHERE session = :session AND revision = :revision AND trader_id = :trader_id
ORDER BY position""",
    ),
    Step(
        "What every engine asked for",
        "The reduction of the decision is that of its engine, unless the morning was held.",
        """SELECT engine, reduction, detail
FROM scores
WHERE session = :session AND revision = :revision AND trader_id = :trader_id
ORDER BY engine""",
    ),
    Step(
        "The daily results they rest on",
        "One row an account and day, the newest first; a trader's day is the sum of his accounts. `basis` "
        "says whose figures they are, `other_net_cents` what we find where the broker's summary differs.",
        """SELECT r.session, r.account_id, r.gross_cents, r.fees_cents, r.net_cents, r.trades, r.positions,
    r.basis, r.other_net_cents, r.known_at
FROM publications AS p
INNER JOIN daily_results AS r ON r.session < p.session AND r.known_at <= p.cut_off_at
INNER JOIN accounts AS a
    ON a.account_id = r.account_id
    AND a.effective_from <= r.session
    AND (a.effective_to IS NULL OR r.session < a.effective_to)
    AND a.known_at <= p.cut_off_at AND NOT a.withdrawn
WHERE p.session = :session AND p.revision = :revision AND a.trader_id = :trader_id
    AND NOT EXISTS (
        SELECT 1
        FROM accounts AS n
        WHERE n.account_id = a.account_id AND n.effective_from = a.effective_from
            AND n.known_at > a.known_at AND n.known_at <= p.cut_off_at
    )
    AND NOT EXISTS (
        SELECT 1
        FROM daily_results AS v
        WHERE v.session = r.session AND v.account_id = r.account_id
            AND v.known_at > r.known_at AND v.known_at <= p.cut_off_at
    )
ORDER BY r.session DESC, r.account_id""",
    ),
    Step(
        "The closed trades of one of these days",
        "`:day` and `:account_id` come from the daily result. Where trades are matched from fills, the fees "
        "of a day are those of its fills, openings included; those of its trades differ from them where a "
        "position is carried.",
        """SELECT t.trade_id, t.symbol, t.side, t.quantity,
    t.opened_at, t.entry_price, t.closed_at, t.exit_price,
    t.gross_cents, t.fees_cents, t.net_cents, t.opening_fill, t.closing_fill
FROM publications AS p
INNER JOIN trades AS t
    ON t.known_at <= p.cut_off_at
    AND (t.superseded_at IS NULL OR t.superseded_at > p.cut_off_at)
WHERE p.session = :session AND p.revision = :revision
    AND t.session = :day AND t.account_id = :account_id
ORDER BY t.closed_at, t.trade_id""",
    ),
    Step(
        "The two fills of one of these trades",
        "`:trade_id` comes from the trade. A trade that was told as closed has none.",
        """SELECT f.fill_id, f.session, f.action, f.quantity, f.price, f.fees, f.executed_at
FROM publications AS p
INNER JOIN trades AS t
    ON t.known_at <= p.cut_off_at
    AND (t.superseded_at IS NULL OR t.superseded_at > p.cut_off_at)
INNER JOIN fills AS f
    ON f.account_id = t.account_id
    AND (f.fill_id = t.opening_fill OR f.fill_id = t.closing_fill)
    AND f.known_at <= p.cut_off_at
    AND (f.superseded_at IS NULL OR f.superseded_at > p.cut_off_at)
WHERE p.session = :session AND p.revision = :revision
    AND t.account_id = :account_id AND t.trade_id = :trade_id
ORDER BY f.executed_at, f.fill_id""",
    ),
    Step(
        "What the broker says of the day",
        "Its own summary, where the source has one: the result on record is made of it.",
        """SELECT b.gross_cents, b.fees_cents, b.net_cents, b.adjustments_cents, b.unrealised_change_cents
FROM publications AS p
INNER JOIN broker_days AS b
    ON b.known_at <= p.cut_off_at
    AND (b.superseded_at IS NULL OR b.superseded_at > p.cut_off_at)
WHERE p.session = :session AND p.revision = :revision
    AND b.session = :day AND b.account_id = :account_id""",
    ),
)


def page() -> str:
    """Return the page as it has to be."""
    tables = (
        part for subject, names in SUBJECTS.items() for part in (f"## {subject}\n", *map(_table, names))
    )
    steps = (_step(number, step) for number, step in enumerate(TRACE, start=1))
    return "\n".join([_HEAD, *tables, _TRACE_HEAD, *steps])


def grain(table: sa.Table) -> str:
    """Return the sentence that says what a row of a table is."""
    return str(table.info.get("grain", ""))


def _table(name: str) -> str:
    """Return the part of the page that describes a table."""
    table = metadata.tables[name]
    rows = ["| column | type | empty | key | refers to |", "|---|---|---|---|---|", *map(_row, table.columns)]
    checks = [f"* {_in_words(check, table)}" for check in (*_checks(table), *_unique(table))]
    return "\n".join([f"### {name}\n", f"{grain(table)}\n", *rows, "", *checks, *[""][: len(checks)]])


def _row(column: sa.Column) -> str:
    key = list(column.table.primary_key)
    position = str(key.index(column) + 1) if column in key else ""
    refers = ", ".join(f"`{foreign.target_fullname}`" for foreign in column.foreign_keys)
    empty = "may be" if column.nullable else ""
    cells = (f"`{column.name}`", _type_in_words(column.type), empty, position, refers)
    return f"| {' | '.join(cells)} |"


def _type_in_words(kind: sa.types.TypeEngine) -> str:
    if isinstance(kind, UtcDateTime):
        return "moment, UTC"
    if isinstance(kind, sa.Numeric) and not isinstance(kind, sa.Float):
        return f"decimal, {kind.scale} places"
    if isinstance(kind, sa.String) and kind.length:
        return f"text, up to {kind.length}"
    words = {
        sa.Boolean: "yes or no",
        sa.BigInteger: "integer, 64 bits",
        sa.Float: "number",
        sa.JSON: "JSON",
        sa.LargeBinary: "bytes",
    }
    return words.get(type(kind), type(kind).__name__.lower())


# --- checks in words ----------------------------------------------------------------------


_EQUIVALENCE = re.compile(r"\((.+)\) = \((.+)\)")
_WORDS = {
    " IS NULL": " is empty",
    " IN (": " is one of (",
    " BETWEEN ": " is between ",
    " AND ": " and ",
    " OR ": " or ",
    " >= ": " is at least ",
    " <= ": " is at most ",
    " > ": " is above ",
    " = ": " is ",
}


def _checks(table: sa.Table) -> Sequence[str]:
    """Return what a table's checks demand, in SQL, in the order of their names."""
    checks = [check for check in table.constraints if isinstance(check, sa.CheckConstraint)]
    return [str(check.sqltext) for check in sorted(checks, key=lambda check: str(check.name))]


def _unique(table: sa.Table) -> Sequence[str]:
    """Return what a table's unique indexes demand, half in words already."""
    unique = [index for index in table.indexes if index.unique]
    among = [(index, index.dialect_options["sqlite"]["where"]) for index in unique]
    return [
        f"No two rows{'' if where is None else f' where {where}'} agree in {', '.join(index.columns.keys())}"
        for index, where in sorted(among, key=lambda pair: str(pair[0].name))
    ]


def _in_words(check: str, table: sa.Table) -> str:
    """Return a check in words: ``a IS NULL OR a > b`` becomes "`a` is empty or `a` is above `b`"."""
    words = _EQUIVALENCE.sub(r"\1 exactly where \2", check)
    for sql, word in _WORDS.items():
        words = words.replace(sql, word)
    words = words.translate(str.maketrans("", "", "()"))
    names = "|".join(table.columns.keys())
    return re.sub(rf"'([^']*)'|\b({names})\b", lambda found: f"`{found[1] or found[2]}`", words) + "."


def _step(number: int, step: Step) -> str:
    return f"### {number}. {step.title}\n\n{step.told}\n\n```sql\n{step.query}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(page())
