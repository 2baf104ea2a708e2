"""A test desk whose mornings Airflow runs, within the process of the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path

import pytest

from riskops.desk import Desk, open_desk
from riskops.records import Publication
from riskops.sessions import desk_time, trading_calendar
from riskops.sources.demo import PINNED_SESSION
from riskops.store.tables import trades
from tests.airflow_home import DAGS
from tests.desks import content_of, environment, on_the_morning, opened

PREVIOUS_SESSION = trading_calendar("XNYS").previous(PINNED_SESSION)
SATURDAY = date(2026, 10, 24)
SIX_O_CLOCK = desk_time(PINNED_SESSION, time(6, 0)).astimezone(UTC)


@dataclass(frozen=True)
class Outcome:
    """How a Dag run ended: its colour, the state of every task and how often each was tried."""

    state: str
    tasks: Mapping[str, str]
    tries: Mapping[str, int]

    @property
    def failed(self) -> set[str]:
        return {task_id for task_id, state in self.tasks.items() if state == "failed"}

    @property
    def skipped(self) -> set[str]:
        return {task_id for task_id, state in self.tasks.items() if state == "skipped"}


class AirflowDesk:
    """The desk below `folder` on its pinned morning, as tasks find it: by the environment."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, patch
        self.set(**environment(folder))
        patch.setattr("riskops.desk.open_desk", partial(open_desk, clock=on_the_morning()))

    def set(self, **environment: str) -> None:
        """Set variables of the environment that tasks read."""
        for name, value in environment.items():
            self._patch.setenv(name, value)

    def run(
        self,
        dag_id: str = "daily_risk_limits",
        logical_date: datetime | None = SIX_O_CLOCK,
        *,
        only: str = "",
        time_outs: Mapping[str, timedelta] | None = None,
        **params: object,
    ) -> Outcome:
        """Run a Dag; with `only`, one of its tasks as if all others had succeeded."""
        dag = parsed(dag_id)
        for task_id, time_out in (time_outs or {}).items():
            dag.get_task(task_id).execution_timeout = time_out
        others = f"(?!{only}$).*" if only else None
        run = dag.test(logical_date=logical_date, run_conf=params, mark_success_pattern=others)
        ended = run.get_task_instances()
        return Outcome(
            state=str(run.state),
            tasks={task.task_id: str(task.state) for task in ended},
            tries={task.task_id: task.try_number for task in ended},
        )

    def content(self) -> dict[str, list[tuple]]:
        """Return every row of the risk database but the run records, as `content` does."""
        with self.opened() as desk:
            return content(desk)

    def publication(self, session: date = PINNED_SESSION) -> Publication | None:
        with self.opened() as desk:
            return desk.store.mornings.publication(session, 0)

    def is_sealed(self, session: date = PINNED_SESSION) -> bool:
        with self.opened() as desk:
            return desk.store.mornings.is_frozen(session, 0)

    def opened(self) -> Desk:
        return opened(self.folder)

    def mails(self) -> list[Path]:
        """Return the files of all mails that left."""
        return sorted((self.folder / "out").rglob("*.eml"))

    def mail(self, session: date = PINNED_SESSION) -> EmailMessage:
        """Return the mail of a session."""
        path = self.folder / "out" / session.isoformat() / "limits.eml"
        return message_from_bytes(path.read_bytes(), policy=default)

    def mail_text(self, session: date = PINNED_SESSION) -> str:
        """Return the text of a session's mail, each run of white space as one space."""
        body = self.mail(session).get_body(("plain",))
        assert body is not None
        return " ".join(body.get_content().split())


def content(desk: Desk) -> dict[str, list[tuple]]:
    """Return every row of the risk database; of the many trades, what tells them apart and counts."""
    shown = {"account_id", "trade_id", "net_cents", "known_at"}
    return content_of(desk, without={trades.name: {column.name for column in trades.columns} - shown})


def parsed(dag_id: str):
    """Parse a Dag anew, with the environment as it is now."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(DAGS / f"{dag_id}.py"))
    assert not bag.import_errors, bag.import_errors
    return bag.dags[dag_id]
