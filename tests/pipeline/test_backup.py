"""The restore drill: a desk that lived some mornings comes back from its backup, on either database."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time as clock
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from riskops.errors import ConfigurationError, InputError
from riskops.pipeline.backup import back_up, check_backup, last_backup, restore_backup
from riskops.records import RunType
from riskops.settings import read_settings
from riskops.store.outbox import Outbox
from riskops.store.tables import metadata
from tests.builders import CALENDAR, SESSION
from tests.desks import (
    each_verb,
    environment,
    forgotten,
    is_migrated,
    keep_on_postgresql,
    keep_on_sqlite,
    on_the_morning,
    opened,
    run_for,
    whole_environment,
)
from tests.mail_catcher import Catcher, serving
from tests.postgres_server import new_database
from tests.small_desks import NIGHT, csv_desk, night_file, rows_of, stormy

NEXT = CALENDAR.shift(SESSION, 1)
RESULTS = stormy()
RECIPIENTS = ("risk@example.com", "head@example.com")


@pytest.fixture
def place(tmp_path, request):
    """Return what makes a folder for one more risk database of a kind."""

    def make(name, kind):
        folder = tmp_path / name
        if kind == "sqlite":
            return keep_on_sqlite(folder)
        return keep_on_postgresql(folder, new_database(request.getfixturevalue("postgresql")))

    yield make
    forgotten(tmp_path)


def at(folder: Path, session: date, **changes: str):
    return opened(folder, on_the_morning(session), RISKOPS_SOURCE="csv", **changes)


def by_mail(port: int) -> dict[str, str]:
    return {
        "RISKOPS_DELIVERY": "smtp",
        "RISKOPS_SMTP_HOST": "127.0.0.1",
        "RISKOPS_SMTP_PORT": str(port),
        "RISKOPS_SMTP_SECURITY": "none",
        "RISKOPS_RECIPIENTS": ",".join(RECIPIENTS),
    }


def live(desk, session):
    for verb in each_verb():
        verb(desk, run_for(session))


def lived_mornings(folder, **changes):
    """Let a desk live two mornings by mail, the second one's night from its inbox."""
    earlier = {trader: usd[:-1] for trader, usd in RESULTS.items()}
    before = CALENDAR.previous(NIGHT)
    with csv_desk(folder, earlier, last=before, clock=on_the_morning(NIGHT), **changes) as desk:
        live(desk, NIGHT)
    night_file(folder, rows_of({trader: usd[-1:] for trader, usd in RESULTS.items()}))
    with at(folder, SESSION, **changes) as desk:
        live(desk, SESSION)


def backed_up(folder, path):
    with at(folder, SESSION) as desk:
        return back_up(desk, path)


def settings_of(folder, **changes):
    return read_settings(environment(folder, RISKOPS_SOURCE="csv", **changes))


def everything(folder):
    """Return every row by table, sorted; 100 and 100.0 are the same, SQLite tells them apart."""
    rows = {}
    with at(folder, SESSION) as desk, desk.store.database.reading() as connection:
        for table in metadata.sorted_tables:
            found = connection.execute(table.select())
            rows[table.name] = sorted([plain(cell) for cell in row] for row in found)
    return rows


def record_of(folder):
    """Return every row but those that say which verb ran when."""
    return {name: rows for name, rows in everything(folder).items() if name != "run_records"}


def plain(cell):
    return repr(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)


def limits_of_the_next_morning(folder, **changes):
    """Decide the next morning from the same night's file; return the limits with their reasons."""
    night_file(folder, rows_of({trader: usd[-1:] for trader, usd in RESULTS.items()}, last=SESSION), SESSION)
    with at(folder, NEXT, **changes) as desk:
        live(desk, NEXT)
        return desk.store.mornings.publication(NEXT, 0)


@pytest.mark.campaign
@pytest.mark.fault(
    what="the risk database is lost",
    gets="from the last backup: the same record, and the same limits on the next morning",
    rung="-",
    label="-",
    told="nobody a second time: what was mailed stays mailed",
)
@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_restored_desk_is_the_same_desk(source, target, place, tmp_path):
    old, new = place("old", source), place("new", target)
    catcher = Catcher()
    with serving(catcher) as port:
        lived_mornings(old, **by_mail(port))
        assert len(catcher.mails) == 2 * len(RECIPIENTS)
        backed_up(old, tmp_path / "desk.zip")
        restore_backup(settings_of(new), tmp_path / "desk.zip")

        assert everything(new) == everything(old)
        before = record_of(new)

        with at(new, SESSION, **by_mail(port)) as desk:
            live(desk, SESSION)
            assert desk.store.mornings.is_frozen(SESSION, 0)
            assert {row.state for row in Outbox(desk.store.database).rows(SESSION, 0)} == {"sent"}
        assert len(catcher.mails) == 2 * len(RECIPIENTS), "somebody got a second mail"
        assert record_of(new) == before

        expected = limits_of_the_next_morning(old, **by_mail(port))
        assert limits_of_the_next_morning(new, **by_mail(port)) == expected
        assert any(decision.reduction for decision in expected.decisions)


@pytest.fixture(scope="module")
def lived_template(keeper, tmp_path_factory):
    """Return the folder of a desk that lived two mornings; never written to, only copied."""
    folder = keeper(tmp_path_factory.mktemp("lived"))
    lived_mornings(folder)
    return folder


@pytest.fixture
def lived(lived_template, own_copy):
    """Return the folder of a desk of this test's own that lived two mornings."""
    return own_copy(lived_template)


@pytest.fixture
def new(keeper, lived, tmp_path):
    """Return a folder for one more risk database, beside the desk's that lived."""
    return keeper(tmp_path / "new")


def test_a_backup_in_a_folder_is_named_after_desk_and_moment(lived, tmp_path):
    receipt = backed_up(lived, tmp_path)
    path = tmp_path / "riskops-test-20260316T100500Z.zip"
    assert receipt["backup"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert check_backup(path)["rows"] == receipt["rows"] > 0
    assert check_backup(path)["sha256"] == receipt["sha256"]


def test_the_output_folder_knows_the_last_backup(lived, tmp_path):
    assert last_backup(lived / "out") is None
    backed_up(lived, tmp_path / "a.zip")
    assert last_backup(lived / "out").path == tmp_path / "a.zip"
    (lived / "out" / "last_backup.json").write_text('{"path": 7')
    assert last_backup(lived / "out") is None


def test_a_backup_without_its_note_is_as_good(lived, tmp_path):
    with at(lived, SESSION) as desk:
        (tmp_path / "occupied").write_text("no folder")
        desk = replace(desk, settings=replace(desk.settings, output=tmp_path / "occupied"))
        assert back_up(desk, tmp_path / "a.zip")["noted"].startswith("no: ")
    check_backup(tmp_path / "a.zip")


def test_a_backup_of_another_deployment_is_refused_because_of_its_mails(lived, new, tmp_path):
    backed_up(lived, tmp_path / "a.zip")
    with pytest.raises(ConfigurationError, match=r"'test', this is 'demo'.*RISKOPS_DEPLOYMENT.*twice"):
        restore_backup(settings_of(new, RISKOPS_DEPLOYMENT="demo"), tmp_path / "a.zip")
    assert not is_migrated(new)


def test_a_desk_with_rows_of_its_own_is_never_overwritten(lived, tmp_path):
    backed_up(lived, tmp_path / "a.zip")
    limits_of_the_next_morning(lived)
    before = everything(lived)
    with pytest.raises(InputError, match="not empty and differs"):
        restore_backup(settings_of(lived), tmp_path / "a.zip")
    assert everything(lived) == before


def test_a_backup_that_is_killed_leaves_no_file_that_looks_whole(lived, tmp_path):
    """SIGKILL at ever later moments: there is a whole backup, or none under that name."""
    path = tmp_path / "kept" / "a.zip"
    path.parent.mkdir()
    fates = set()
    for delay in (0.0, 0.01, 0.03, 0.08):
        path.unlink(missing_ok=True)
        process = _child(lived, path)
        process.stdout.readline()
        clock.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        fates.add(path.exists())
        if path.exists():
            check_backup(path)
        assert {file.suffix for file in path.parent.iterdir()} <= {".zip", ".partial"}
    assert False in fates


def _child(folder: Path, path: Path) -> subprocess.Popen:
    """Start a process that backs the desk up once it has said that it begins."""
    program = (
        "import os, sys; from pathlib import Path; from riskops.desk import open_desk;"
        "from riskops.pipeline.backup import back_up; desk = open_desk(os.environ);"
        "print('begins', flush=True); back_up(desk, Path(sys.argv[1]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        env=whole_environment(folder, RISKOPS_SOURCE="csv"),
        stdout=subprocess.PIPE,
    )


@pytest.mark.parametrize("run_type", [RunType.SCHEDULED, RunType.BREAK_GLASS])
def test_whoever_runs_the_sealed_morning_again_changes_nothing(run_type, lived, new, tmp_path):
    backed_up(lived, tmp_path / "a.zip")
    restore_backup(settings_of(new), tmp_path / "a.zip")
    before = record_of(new)
    with at(new, SESSION) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION, run_type))
    assert record_of(new) == before


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/x", "desk 1", "a\\b", ".."])
def test_a_deployment_s_name_leads_nowhere(name, lived, tmp_path):
    (tmp_path / "kept").mkdir()
    with at(lived, SESSION) as desk:
        desk = replace(desk, settings=replace(desk.settings, deployment=name))
        path = Path(back_up(desk, tmp_path / "kept")["backup"])
    assert path.resolve().parent == (tmp_path / "kept").resolve()
    assert list((tmp_path / "kept").iterdir()) == [path]
