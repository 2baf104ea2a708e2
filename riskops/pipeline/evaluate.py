"""Validate rules and model on history."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskops import whole_files
from riskops.desk import Desk
from riskops.errors import InputError
from riskops.history import DeskHistory, TradePaths
from riskops.pipeline.stage import cut_off
from riskops.records import Run, RunType
from riskops.sessions import desk_date
from riskops.standing import met, standing
from riskops.store.documents import to_document

if TYPE_CHECKING:
    from riskops.evaluation import Evaluation
    from riskops.report.evaluation_page import Section

FORMAT = "riskops evaluation 1"
READING = "history"
Told = Callable[[str], None]


def evaluate(
    desk: Desk, first: date | None = None, last: date | None = None, told: Told = lambda _step: None
) -> Evaluation:
    """Evaluate rules and model from `first` to `last`, by default over all of the history.

    What is known on the newest session that has begun enters. Nothing is written.

    Parameters
    ----------
    desk
        The desk.
    first, last
        The sessions to evaluate, both included.
    told
        Is told each step as it begins.

    Raises
    ------
    SessionError
        If a date is no session, the span is turned round, or results are not known yet.
    MissingResultError
        If there are no results in the span.
    """
    from riskops import evaluation

    run = Run(desk.calendar.roll_back(desk_date(desk.clock())), RunType.MANUAL, "evaluate")
    for end in filter(None, (first, last)):
        evaluation.span_of(desk.calendar, end, end, run.session)
    told(READING)
    history, paths = known(desk, run)
    known_span = evaluation.known_span(history)
    asked = (first or known_span.first, last or known_span.last)
    span = evaluation.span_of(desk.calendar, *asked, run.session)
    return evaluation.evaluate(history, paths, span, told, specification_number=number(desk, run))


def number(desk: Desk, run: Run) -> int:
    """Return the running number of the specification of this program, by the ledger."""
    from riskops import specification

    by_ledger = standing(desk.store.ledger.entries(), run.session)
    return met(by_ledger, run.session, specification.digest(), specification.text()).number


def known(desk: Desk, run: Run) -> tuple[DeskHistory, TradePaths]:
    """Return the history and its trades as known at the cut-off of a run's session."""
    known_until = cut_off(desk, run)
    history = desk.store.history.desk(run.session, known_until)
    return history, desk.store.history.paths(history, known_until)


def as_document(found: Evaluation) -> dict[str, Any]:
    """Return the JSON twin of an evaluation's page."""
    return {"format": FORMAT, **to_document(found)}


def as_html(found: Evaluation, further: Sequence[Section] = ()) -> str:
    """Return the page of an evaluation, its charts drawn and within."""
    from riskops.report.evaluation_page import page
    from riskops.report.render import as_page

    return as_page(page(found, further))


def as_json(document: Any) -> str:
    """Return a document as text, one line a value."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write a report: the whole file, or nothing.

    Raises
    ------
    InputError
        If it cannot be written there.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it.")
    try:
        whole_files.put(path, text.encode("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}. Name another file.") from error
