"""Somebody says that he has read the mail: once, of a mail that is out, and no trader."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from riskops.errors import InputError, MissingResultError
from riskops.pipeline.acknowledge import acknowledge
from riskops.pipeline.send import send
from tests.builders import SESSION
from tests.desks import content_of, run_for
from tests.pipeline.mailed import CUT, at, decide, decided


@pytest.fixture
def unsent(folder):
    with decided(folder) as desk:
        yield desk


@pytest.fixture
def desk(unsent):
    send(unsent, run_for(SESSION))
    return unsent


def said(desk, revision=0):
    return [(one.by, one.note) for one in desk.store.acknowledgements.of(SESSION, revision)]


def test_who_has_read_it_and_what_he_adds_is_recorded(desk):
    receipt = acknowledge(desk, SESSION, by="  R.  Manager ", note="limits set ")
    assert said(desk) == [("R. Manager", "limits set")]
    assert (receipt["session"], receipt["revision"]) == (str(SESSION), 0)
    assert receipt["acknowledged"] == ["R. Manager, 2026-03-16T11:25:00+00:00"]


def test_again_it_changes_nothing(desk):
    first = acknowledge(desk, SESSION, by="R. Manager", note="limits set")
    before = content_of(desk)
    assert acknowledge(at(desk, time(9)), SESSION, by="R. Manager", note="no") == first
    assert content_of(desk) == before


def test_several_people_may(desk):
    acknowledge(desk, SESSION, by="R. Manager")
    acknowledge(desk, SESSION, 0, by="H. Head")
    assert {by for by, _ in said(desk)} == {"R. Manager", "H. Head"}


def test_by_default_the_newest_mail_is_meant(desk):
    decide(desk, replace(CUT, revision=1))
    send(desk, run_for(SESSION, revision=1))
    assert acknowledge(desk, SESSION, by="R. Manager")["revision"] == 1
    assert said(desk, 0) == []
    assert acknowledge(desk, SESSION, 0, by="R. Manager")["revision"] == 0


@pytest.mark.parametrize("revision", [None, 0])
def test_a_mail_that_is_not_out_is_refused(revision, unsent):
    with pytest.raises(MissingResultError, match=f"The mail for {SESSION} is not out"):
        acknowledge(unsent, SESSION, revision, by="R. Manager")


def test_a_correction_that_is_not_out_is_refused(desk):
    decide(desk, replace(CUT, revision=1))
    with pytest.raises(MissingResultError, match=f"{SESSION}, revision 1 is not out"):
        acknowledge(desk, SESSION, 1, by="R. Manager")


@pytest.mark.parametrize(
    ("by", "note", "told"),
    [
        ("", "", "Say who"),
        ("  ", "", "Say who"),
        ("x" * 201, "", "does not say who: write up to 200 printable"),
        ("R.\x1b[2J", "", "does not say who"),
        ("R. Manager", "a\u202eb", "does not say what you add"),
        ("R. Manager", "x" * 1_001, "write up to 1,000 printable"),
        ("3942", "", "3942 is trader 3942 of this desk"),
        ("daniel  mercer", "", "is trader 3942 of this desk"),
        ("3951@example.com", "", "is trader 3951 of this desk"),
    ],
)
def test_what_cannot_be_an_acknowledgement_is_refused_and_nothing_recorded(by, note, told, desk):
    with pytest.raises(InputError, match=told):
        acknowledge(desk, SESSION, by=by, note=note)
    assert said(desk) == []
