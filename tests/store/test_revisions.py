"""Revisions: numbered from 1, one for each run that asked, one at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops.errors import RevisionError
from riskops.records import Verb
from riskops.store.mornings import Report
from riskops.store.outbox import Outbox
from riskops.store.seal import LIMITS_MAIL, seal
from tests.builders import CALENDAR, SESSION
from tests.desks import opened
from tests.small_desks import PUBLICATION

NOW = PUBLICATION.cut_off
NEXT = CALENDAR.shift(SESSION, 1)


@pytest.fixture
def desk(folder):
    """Return a desk whose mails for two sessions are out."""
    with opened(folder) as made:
        for session in (SESSION, NEXT):
            leave(made, session, 0)
        yield made


@pytest.fixture
def revisions(desk):
    return desk.store.revisions


def leave(desk, session, revision):
    desk.store.mornings.publish(replace(PUBLICATION, session=session, revision=revision), {})
    with desk.store.database.writing() as connection:
        seal(connection, session, revision, NOW)


def opens(revisions, run_id, by="anna", why="a late file", session=SESSION):
    return revisions.open(session, run_id, by=by, why=why, moment=NOW)


def test_revisions_of_a_session_are_numbered_from_one(desk, revisions):
    first = opens(revisions, "a run")
    leave(desk, SESSION, 1)
    second = opens(revisions, "another", by="bert")
    other = opens(revisions, "a run", session=NEXT)
    assert [r.revision for r in (first, second, other)] == [1, 2, 1]
    assert revisions.of(SESSION) == (first, second)
    assert revisions.numbered(SESSION, 2) == revisions.of_run(SESSION, "another") == second
    assert revisions.numbered(SESSION, 3) is revisions.of_run(NEXT, "another") is None


def test_the_same_run_gets_the_revision_it_has_opened(desk, revisions):
    first = opens(revisions, "a run")
    leave(desk, SESSION, 1)
    opens(revisions, "another")
    assert opens(revisions, "a run", by="carl", why="another story") == first


def test_a_session_without_a_mail_has_nothing_to_correct(revisions):
    with pytest.raises(RevisionError, match="is not out, so there is nothing to correct"):
        opens(revisions, "a run", session=CALENDAR.previous(SESSION))


def test_one_correction_at_a_time(desk, revisions):
    opens(revisions, "a run")
    with pytest.raises(
        RevisionError, match=r"Correction 1 .* not out yet: anna .*\(a late file\).*\(a run\)"
    ):
        opens(revisions, "another")
    assert len(revisions.of(SESSION)) == 1


@pytest.mark.parametrize("verb", [Verb.PUBLISH, Verb.SEND])
def test_one_that_came_to_nothing_is_left_behind(verb, desk, revisions):
    opens(revisions, "a run")
    desk.store.mornings.fail(SESSION, 1, verb, "refused")
    assert opens(revisions, "another").revision == 2


def test_one_that_somebody_may_have_is_not_left_behind(desk, revisions):
    opens(revisions, "a run")
    report = Report.plain(SESSION, 1, LIMITS_MAIL, "subject", "text")
    outbox = Outbox(desk.store.database)
    outbox.begin(*outbox.prepare(report, "test", ["anna@example.com"]))
    desk.store.mornings.fail(SESSION, 1, Verb.SEND, "cut off")
    with pytest.raises(RevisionError, match="not out yet"):
        opens(revisions, "another")


def test_numbers_go_on_after_a_correction_that_was_taken_over(desk, revisions):
    leave(desk, SESSION, 1)
    assert opens(revisions, "a run").revision == 2
