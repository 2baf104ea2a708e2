"""No more room on the disk, for real: the kernel refuses a process every file beyond a size.

The limit is the process's own, so each test lets a child work under it, on a database of PostgreSQL
whose server has room.
"""

from __future__ import annotations

import json
import os
import resource
from datetime import time

import pytest

from riskops import limits_file
from riskops.errors import DeliveryError, LimitsFileError, RiskOpsError
from riskops.limits_file import State
from riskops.pipeline.emergency import mail_from_file
from riskops.pipeline.export import export
from riskops.pipeline.send import send
from riskops.settings import read_settings
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import each_verb, environment, on_the_morning, opened, run_for
from tests.mail_catcher import Catcher, serving
from tests.small_desks import NIGHT, csv_desk, lived

RUN = run_for(SESSION)
ROOM_BYTES = 700  # for locks and the senders' words; no limits file, mail or record fits


@pytest.fixture
def folder(postgresql_folder):
    """Return the folder of a desk of two that is decided and composed; its mail has not left."""
    with csv_desk(postgresql_folder, {"3942": trader_3942(), "3951": trader_3951()}) as desk:
        lived(desk, NIGHT, {"3942": 40, "3951": 0})
        for verb in each_verb():
            verb(desk, run_for(SESSION, deliver=False))
    return postgresql_folder


def by_mail(port, **changes):
    return {
        "RISKOPS_DELIVERY": "smtp",
        "RISKOPS_RECIPIENTS": "a@example.com",
        "RISKOPS_SMTP_HOST": "127.0.0.1",
        "RISKOPS_SMTP_PORT": str(port),
        "RISKOPS_SMTP_SECURITY": "none",
    } | changes


def at(folder, **changes):
    return opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv", **changes)


def sent(folder, **changes):
    with at(folder, **changes) as desk:
        return dict(send(desk, RUN))


def without_room(work):
    """Do `work` in a child that may write no file beyond the limit; return its result, or its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
            os.write(writing, json.dumps(_result(work)).encode())
            os._exit(0)
        finally:  # nothing may come back into the parent's code
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return json.loads(told)


def _result(work):
    try:
        return work()
    except (RiskOpsError, OSError) as error:
        return [type(error).__name__, str(error)]


def left_below(folder):
    return sorted(path.name for path in (folder / "out" / str(SESSION)).glob("*") if path.is_file())


def test_the_kernel_refuses_the_child_and_not_its_parent(tmp_path):
    kind, said = without_room(lambda: (tmp_path / "big").write_bytes(bytes(2 * ROOM_BYTES)))
    assert (kind, "File too large" in said) == ("OSError", True)
    assert (tmp_path / "big").write_bytes(bytes(2 * ROOM_BYTES)) == 2 * ROOM_BYTES


def test_a_mail_that_does_not_fit_leaves_no_half_file_and_leaves_once_there_is_room(folder):
    kind, said = without_room(lambda: sent(folder))
    assert (kind, "File too large" in said) == (DeliveryError.__name__, True)
    assert [name for name in left_below(folder) if not name.startswith("limits.")] == []
    with at(folder) as desk:
        assert not desk.store.mornings.is_frozen(SESSION, 0)
        assert send(desk, RUN)["delivered"] == ["files"]
    assert {"limits.eml", "limits.html", "limits.txt"} <= set(left_below(folder))


def test_a_limits_file_that_does_not_fit_stops_no_mail_and_the_old_one_stays_whole(folder, listener):
    with at(folder) as desk:
        export(desk, RUN)
        before = limits_file.found(desk.settings.output, SESSION, 0)
    url = f"http://127.0.0.1:{listener.server_port}/on-call"
    with serving(catcher := Catcher()) as port:
        changes = by_mail(port, RISKOPS_ON_CALL_WEBHOOK=url)
        receipt = without_room(lambda: sent(folder, **changes))
        assert receipt["delivered"] == ["a@example.com"]
        assert "the limits file is not written: File too large" in receipt["limits_file"]
        assert len(catcher.mails) == 1
        assert "the limits file is not written" in listener.heard[-1][1]["text"]
        assert limits_file.found(folder / "out", SESSION, 0) == before
        assert sorted(left_below(folder)) == ["limits.csv", "limits.json"]

        assert sent(folder, **changes)["delivered"] == []
        assert limits_file.read_current(folder / "out").state is State.SEALED
        assert len(catcher.mails) == 1


@pytest.mark.fault(
    what="there is no room on the disk for the record of an emergency mail",
    gets="no mail of which no word could be kept; once there is room, one",
    rung="-",
    label="LimitsFileError",
    told="on-call, by the watchdog: exit code 23",
)
def test_an_emergency_mail_without_room_for_its_record_waits_for_room(folder):
    with serving(catcher := Catcher()) as port:
        settings = read_settings(environment(folder, **by_mail(port)))
        with at(folder) as desk:
            export(desk, RUN)
        now = on_the_morning(SESSION, time(7, 28))()
        kind, said = without_room(lambda: mail_from_file(settings, CALENDAR, now, "gone"))
        assert (kind, "No word can be kept of an emergency mail" in said) == (LimitsFileError.__name__, True)
        assert catcher.mails == []
        assert "An EMERGENCY MAIL left" in mail_from_file(settings, CALENDAR, now, "gone")
        assert len(catcher.mails) == 1
