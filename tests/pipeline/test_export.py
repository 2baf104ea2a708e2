"""The limits file follows the risk database: decided, sealed, and mended by whatever runs next."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from datetime import time

import pytest

from riskops import limits_file, whole_files
from riskops.limits_file import State
from riskops.pipeline.export import export, standing
from riskops.pipeline.publish import publish_rules
from riskops.pipeline.send import send
from riskops.records import RunType
from riskops.settings import Secret
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.small_desks import csv_desk

RUN = run_for(SESSION)


@pytest.fixture(scope="module")
def template(keeper, tmp_path_factory):
    """Return the folder of a desk of two that is decided and composed; its mail has not left."""
    folder = keeper(tmp_path_factory.mktemp("decided"))
    with csv_desk(folder, {"3942": trader_3942(), "3951": trader_3951()}) as desk:
        for verb in each_verb():
            verb(desk, run_for(SESSION, deliver=False))
    return folder


@pytest.fixture
def decided(template, own_copy):
    with opened(own_copy(template), on_the_morning(SESSION), RISKOPS_SOURCE="csv") as desk:
        yield desk


@pytest.fixture
def sealed(decided):
    send(decided, RUN)
    return decided


def current(desk):
    return limits_file.read_current(desk.settings.output)


def both_forms(desk):
    folder = desk.settings.output / str(SESSION)
    return [(folder / name).read_bytes() for name in ("limits.json", "limits.csv")]


def as_seen(desk):
    """Return the limits of the database as the file should have them."""
    decided = desk.store.mornings.publication(SESSION, 0).decisions
    return {d.trader_id: (d.limit_cents, d.reduction, d.base_limit_cents, d.rung) for d in decided}


def as_written(file):
    return {x.trader_id: (x.limit_cents, x.reduction, x.base_limit_cents, x.rung) for x in file.lines}


def test_publish_writes_what_was_decided(decided):
    receipt = publish_rules(decided, RUN)
    assert receipt["limits_file"] == str(decided.settings.output / str(SESSION) / "limits.json")
    assert (current(decided).state, current(decided).deployment) == (State.DECIDED, "test")
    assert as_written(current(decided)) == as_seen(decided)


def test_the_mail_seals_the_file(sealed):
    assert current(sealed).state is State.SEALED
    assert as_written(current(sealed)) == as_seen(sealed)
    assert standing(sealed, RUN).startswith("sealed, ")


def test_the_same_verbs_again_give_the_same_bytes(sealed):
    before = both_forms(sealed)
    publish_rules(sealed, RUN)
    send(sealed, RUN)
    assert both_forms(sealed) == before


@pytest.mark.fault(
    what="a kill between the commit of the limits and the writing of their file",
    gets="the limits file, written by the next verb or watchdog",
    rung="-",
    label="limits file",
    told="nobody",
)
@pytest.mark.parametrize("again", [publish_rules, send, export], ids=lambda verb: verb.__name__)
def test_a_file_that_is_missing_is_written_by_whatever_runs_next(again, sealed):
    before = both_forms(sealed)
    shutil.rmtree(sealed.settings.output)
    assert "MISSING" in standing(sealed, RUN)
    again(sealed, RUN)
    assert both_forms(sealed) == before
    assert current(sealed).session == SESSION


def test_a_file_behind_the_database_is_told_and_written(decided):
    publish_rules(decided, RUN)
    send(decided, RUN)
    stale = replace(current(decided), state=State.DECIDED)
    limits_file.write(stale, decided.settings.output)
    assert "BEHIND" in standing(decided, RUN)
    export(decided, RUN)
    assert current(decided).state is State.SEALED


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, run_type=RunType.BACKFILL),
        replace(RUN, run_type=RunType.MANUAL),
        replace(RUN, deliver=False),
    ],
)
def test_only_a_live_run_becomes_current(run, decided):
    publish_rules(decided, run)
    assert both_forms(decided)
    assert not (decided.settings.output / "current").exists()


def test_a_backfill_of_an_earlier_session_leaves_the_newest_current(sealed):
    earlier = CALENDAR.previous(SESSION)
    of_earlier = replace(current(sealed), session=earlier)
    limits_file.write(of_earlier, sealed.settings.output)
    on_its_morning = replace(sealed, clock=on_the_morning(earlier, time(6, 30)))
    export(on_its_morning, run_for(earlier))
    assert current(sealed).session == SESSION


def test_without_a_decision_there_is_no_file(decided):
    assert standing(decided, run_for(CALENDAR.shift(SESSION, 1))).startswith("none")
    assert export(decided, run_for(CALENDAR.shift(SESSION, 1))) == {}


@pytest.mark.fault(
    what="the disk of the output folder is full when the limits file is written",
    gets="the mail, on time; the old limits file stays whole",
    rung="as decided",
    label="the limits file is not written",
    told="on-call (webhook)",
)
def test_a_full_disk_stops_no_mail_and_is_told(decided, listener, monkeypatch):
    webhook = Secret(f"http://127.0.0.1:{listener.server_address[1]}/on-call")
    told = replace(decided, settings=replace(decided.settings, on_call_webhook=webhook))
    publish_rules(told, RUN)
    before = both_forms(told)

    def full(_path, _data, _mode=0):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "limits.json")

    monkeypatch.setattr(whole_files, "put", full)
    receipt = send(told, RUN)
    assert receipt["delivered"] == ["files"]
    assert "the limits file is not written: No space left" in receipt["limits_file"]
    assert decided.store.mornings.is_frozen(SESSION, 0)
    assert "the limits file is not written" in " ".join(body["text"] for _, body in listener.heard)
    assert both_forms(told) == before
    assert "BEHIND" in standing(told, RUN)
