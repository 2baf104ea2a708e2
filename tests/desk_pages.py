"""Desks for the pages, and their HTML taken apart as a browser and a screen reader would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, time, timedelta
from html.parser import HTMLParser
from pathlib import Path

from filelock import FileLock

from riskops.desk import Desk
from riskops.errors import RiskOpsError
from riskops.records import Acknowledgement, AskedOverride, TakenBack
from riskops.settings import Fault
from riskops.store.read_backs import Reading
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.revising import correct, routed
from tests.small_desks import NIGHT, csv_desk, lived, night_file, quiet, row, stormy

VOID = {"meta", "br", "input", "polyline", "polygon", "rect", "img"}
SCRIPT = '<script>alert("x")</script>'
CUT, FREE = "3942", "3960"
NEXT, HELD = CALENDAR.shift(SESSION, 1), CALENDAR.shift(SESSION, 2)


def mailed_desk(folder: Path) -> Path:
    """Live one morning on a new desk of some traders, one of them called like a script, and mail it."""
    results = stormy(traders=4) | {CUT: trader_3942(), "3951": trader_3951(), FREE: quiet(), SCRIPT: quiet()}
    with csv_desk(folder, results) as desk:
        lived(desk, NIGHT, dict.fromkeys(results, 20))
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    return folder


def lived_desk(folder: Path) -> Path:
    """Live three mornings on such a desk: one that was corrected and read back, a usual one, a held one."""
    mailed_desk(folder)
    with opened(folder, on_the_morning(SESSION, time(7, 35)), RISKOPS_SOURCE="csv") as desk:
        asked = AskedOverride(FREE, SESSION, NEXT, 60, "oncall", "half a day only, 3 hours")
        desk.store.overrides.record(asked, desk.clock())
        mistaken = desk.store.overrides.record(replace(asked, trader_id=CUT), desk.clock())
        desk.store.overrides.take_back(mistaken.number, TakenBack(desk.clock(), "oncall", "mistaken by 10"))
        correct(desk)
        _answered(desk)
    for session, fault in ((NEXT, Fault.NONE), (HELD, Fault.INGEST_RAISES)):
        night_file(folder, [row(CUT, CALENDAR.previous(session), -2_600)], CALENDAR.previous(session))
        with opened(folder, on_the_morning(session), RISKOPS_SOURCE="csv", RISKOPS_FAULT=fault) as desk:
            _live(desk, session)
    return folder


def _answered(desk: Desk) -> None:
    """Acknowledge the correction, and read back limits of which one is missing and one is another."""
    said = Acknowledgement(SESSION, 1, "manager", desk.clock() + timedelta(minutes=9), "called desk 4")
    desk.store.acknowledgements.record(said)
    limits = {**desk.store.read_backs.sent(SESSION), "3951": 410_000}
    limits.pop(FREE)
    assert desk.store.read_backs.record(
        Reading(SESSION, desk.clock() + timedelta(minutes=12), "d" * 64, "platform.csv", limits)
    )


def _live(desk: Desk, session: date) -> None:
    run = run_for(session)
    for verb in each_verb():
        try:
            routed(verb, desk, run)(desk, run)
        except RiskOpsError:
            assert desk.settings.fault is not Fault.NONE


def mailed_template(shared_folder: Path, kept_on: str, keeper: Callable[[Path], Path]) -> Path:
    """Return the folder of such a desk, made once for all workers; never written to, only copied."""
    folder = shared_folder / f"mailed_desk_on_{kept_on}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            mailed_desk(keeper(folder))
            (folder / "ready").touch()
    return folder


class Page(HTMLParser):
    """A page as it is taken apart: its tags in order, its words, and what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.said.append(data)

    @property
    def words(self) -> str:
        """Everything that can be read, each run of white space as one space."""
        return " ".join(" ".join(self.said).split())

    def all(self, *names: str) -> list[dict[str, str | None]]:
        """Return the attributes of every tag of some names."""
        return [attributes for tag, attributes in self.tags if tag in names]

    def links(self) -> list[str]:
        """Return where the page leads."""
        return [str(a["href"]) for a in self.all("a") if a.get("href")]
