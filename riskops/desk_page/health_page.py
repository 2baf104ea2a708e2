"""The page of the data health: which checks failed on the last sessions, and which verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from riskops.desk_page import addresses
from riskops.desk_page.parts import Cell, Table, table
from riskops.report.health import failure_line, failures, is_critical
from riskops.report.wording import counted, one_line, short_date
from riskops.store.page_reader import HealthOf


@dataclass(frozen=True, slots=True)
class SessionHealth:
    """One session that has something to tell."""

    title: str
    href: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HealthPage:
    """The whole page."""

    title: str
    says: str
    sessions: Table
    told: tuple[SessionHealth, ...]


def health_page(of: Sequence[HealthOf], names: Mapping[str, str]) -> HealthPage:
    """Arrange the data health of some sessions; `names` are those of the traders."""
    troubled = [one for one in of if failures(one.failed) or one.problems]
    return HealthPage(
        title="Data health",
        says=(
            f"{len(of) - len(troubled)} of the last {counted(len(of), 'morning')} "
            "had no failed check or verb."
        ),
        sessions=_sessions(of),
        told=tuple(_told(one, names) for one in troubled),
    )


def _sessions(of: Sequence[HealthOf]) -> Table:
    rows = [
        (
            Cell(_called(one), addresses.morning(one.session)),
            _passed(one),
            str(sum(map(is_critical, failures(one.failed)))),
            str(sum(not is_critical(check) for check in failures(one.failed))),
            ", ".join(one.problems) or "none",
        )
        for one in of
    ]
    headings = ("Session", "Checks", "Critical", "Warnings and remarks", "Failed verbs")
    return table("Data checks by session, newest first", headings, rows)


def _told(one: HealthOf, names: Mapping[str, str]) -> SessionHealth:
    failed = [f"{verb} failed: {one_line(why) or 'it did not finish'}" for verb, why in one.problems.items()]
    title = f"{short_date(one.session)} {one.session.year}"
    return SessionHealth(
        title=f"{title}, revision {one.revision}" if one.revision else title,
        href=addresses.morning(one.session),
        lines=(_passed(one), *(failure_line(check, names) for check in failures(one.failed)), *failed),
    )


def _passed(one: HealthOf) -> str:
    failed = {check.check for check in one.failed}
    return f"{one.checks - len(failed)} of {counted(one.checks, 'check')} passed"


def _called(one: HealthOf) -> str:
    return f"{one.session}, revision {one.revision}" if one.revision else str(one.session)
