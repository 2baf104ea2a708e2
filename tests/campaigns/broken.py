"""Promises broken on purpose, so that the campaign can be seen to notice."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from riskops import delivery, limits_file
from riskops.limits_file import LimitsFile
from riskops.store import mornings
from riskops.store import outbox as store_outbox
from riskops.store.outbox import PENDING, Outbox
from riskops.store.tables import outbox


def nothing() -> None:
    """Break nothing."""


def acceptance_is_not_written_down() -> None:
    """Forget that the server took a mail."""

    def accepted(_self: Outbox, _key: str, _now: datetime) -> None:
        return None

    Outbox.accepted = accepted


def a_sender_does_not_say_that_it_begins() -> None:
    """Leave a mail ``pending`` while it is handed over."""
    begin = Outbox.begin

    def forgetful(self: Outbox, key: str) -> bool:
        doubtful = begin(self, key)
        with self._database.writing() as connection:
            connection.execute(sa.update(outbox).where(outbox.c.key == key).values(state=PENDING))
        return doubtful

    Outbox.begin = forgetful


def the_lock_of_a_sender_does_nothing() -> None:
    """Let every process in."""

    def let_in(_file: Any, _how: int) -> None:
        return None

    fcntl.flock = let_in


def a_second_copy_does_not_say_so() -> None:
    """Leave the remark on a possible duplicate out."""
    message = delivery._message

    def unmarked(*arguments: Any, **_doubtful: Any) -> Any:
        return message(*arguments[:4], doubtful=False)

    delivery._message = unmarked


def results_of_a_repeated_verb_are_not_replaced() -> None:
    """Add the rows of a verb to those that it left before."""

    def add(
        connection: sa.Connection, table: sa.Table, session: date, revision: int, rows: Iterable[dict]
    ) -> None:
        connection.execute(sa.insert(table), [{"session": session, "revision": revision, **r} for r in rows])

    mornings._replace = add


def a_session_is_never_sealed() -> None:
    """Write down the acceptance, but do not end automatic change."""

    def forget(_connection: sa.Connection, _session: date, _revision: int, _moment: datetime) -> None:
        return None

    store_outbox.seal = forget


def the_limits_file_is_not_written_again() -> None:
    """Leave the file as the first verb wrote it."""
    write = limits_file.write

    def once(file: LimitsFile, output: Path) -> Path:
        found = limits_file.found(output, file.session, file.revision)
        return output if found is not None else write(file, output)

    limits_file.write = once


BROKEN: dict[str, Callable[[], None]] = {"": nothing} | {
    promise.__name__: promise
    for promise in (
        acceptance_is_not_written_down,
        a_sender_does_not_say_that_it_begins,
        the_lock_of_a_sender_does_nothing,
        a_second_copy_does_not_say_so,
        results_of_a_repeated_verb_are_not_replaced,
        a_session_is_never_sealed,
        the_limits_file_is_not_written_again,
    )
}
