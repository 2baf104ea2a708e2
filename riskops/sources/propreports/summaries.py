"""The broker's own summaries: of an account by date, and of the whole group by date.

They are what our reading of the fills has to agree with, so they have to agree with themselves first,
to the cent: the change of a day is its net, its adjustments and the change of what is unrealised; and a
balance is the one before, that change and what was transferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from riskops.money import cents
from riskops.records import BrokerDay
from riskops.sources.mappings import shown
from riskops.sources.propreports.tables import Row, WrongRow, read_day, read_table

NEEDED = ("Date", "Gross", "Net")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DaySummary:
    """One row of a summary, USD as written; ``None`` where the broker does not tell.

    `kind` is what was traded (``Equities``), empty where rows are not told apart. `adjustments` are
    fees booked beside the fills; a credit is positive.
    """

    day: date
    kind: str
    fills: int
    gross: Decimal
    net: Decimal
    adjustments: Decimal
    unrealised_change: Decimal | None
    total_change: Decimal | None
    transfers: Decimal | None
    end_balance: Decimal | None
    place: str


def read_summaries(pages: Sequence[str], action: str) -> Iterator[DaySummary | WrongRow]:
    """Yield every row of a summary by date or of totals by date, or why it was refused.

    A row that contradicts itself or the balance before it is refused.

    Raises
    ------
    UnreadableAnswerError
        If the answer has no such table.
    """
    before: DaySummary | None = None
    told: set[tuple[date, str]] = set()
    for row in read_table(pages, action, NEEDED, _summary, _day, has_totals=True):
        if isinstance(row, WrongRow):
            before = None
            yield row
            continue
        problem = _repeated(row, told) or _broken_balance(before, row)
        told.add((row.day, row.kind))
        before = row
        yield WrongRow(row.day, f"{row.place}: {problem}") if problem else row


def broker_day(
    account_id: str, session: date, summaries: Sequence[DaySummary], known_at: datetime
) -> BrokerDay:
    """Return the broker's summary of a session: the sum of the rows of its dates and kinds."""
    gross, net = (cents(sum((getattr(s, name) for s in summaries), ZERO)) for name in ("gross", "net"))
    changes = [s.unrealised_change for s in summaries if s.unrealised_change is not None]
    return BrokerDay(
        account_id=account_id,
        session=session,
        gross_cents=gross,
        fees_cents=gross - net,
        net_cents=net,
        adjustments_cents=cents(sum((s.adjustments for s in summaries), ZERO)),
        unrealised_change_cents=cents(sum(changes, ZERO)) if len(changes) == len(summaries) else None,
        known_at=known_at,
    )


def _day(row: Row) -> date:
    return row.read("Date", read_day)


def _summary(row: Row) -> DaySummary:
    net = row.amount("Net")
    summary = DaySummary(
        day=_day(row),
        kind=row.cells.get("Type", ""),
        fills=int(row.amount_or_none("Fills") or 0),
        gross=row.amount("Gross"),
        net=net,
        adjustments=_adjustments(row, net),
        unrealised_change=row.amount_or_none("Unrealized Δ"),
        total_change=row.amount_or_none("Total Δ"),
        transfers=row.amount_or_none("Transfers"),
        end_balance=row.amount_or_none("End Balance"),
        place=row.place,
    )
    _refuse_broken_total(row, summary)
    return summary


def _adjustments(row: Row, net: Decimal) -> Decimal:
    """Return the adjusted fees, also where only the net after them is told."""
    adjusted, after = row.amount_or_none("Adj Fees"), row.amount_or_none("Adj Net")
    if adjusted is not None:
        return adjusted
    return ZERO if after is None else after - net


def _refuse_broken_total(row: Row, told: DaySummary) -> None:
    if told.total_change is None or told.unrealised_change is None:
        return
    expected = told.net + told.adjustments + told.unrealised_change
    if cents(told.total_change - expected):
        raise row.wrong(
            "Total Δ",
            f"{told.total_change} is not net {told.net}, adjusted fees {told.adjustments} and unrealised "
            f"change {told.unrealised_change} together, {expected}. Have PropReports corrected.",
        )


def _repeated(row: DaySummary, told: set[tuple[date, str]]) -> str:
    if (row.day, row.kind) not in told:
        return ""
    return f"column 'Date': {row.day} is told twice for {shown(row.kind)}. Have PropReports corrected."


def _broken_balance(before: DaySummary | None, row: DaySummary) -> str:
    """Say how a balance contradicts the one before; rows of several kinds share one balance."""
    if before is None or before.end_balance is None or before.day >= row.day or before.kind != row.kind:
        return ""
    if row.end_balance is None or row.total_change is None or row.transfers is None:
        return ""
    expected = before.end_balance + row.total_change + row.transfers
    if not cents(row.end_balance - expected):
        return ""
    return (
        f"column 'End Balance': {row.end_balance} is not the balance of {before.day}, {before.end_balance}, "
        f"with change {row.total_change} and transfers {row.transfers}, {expected}. "
        "Have PropReports corrected."
    )
