"""Forms as calls of verbs: what is refused is said with what was typed, and nothing is taken as it comes."""

from __future__ import annotations

import pytest

from riskops.desk_page import writing
from tests.builders import SESSION
from tests.desk_pages import FREE

ASKED = {"trader": FREE, "reduction": "60", "first": str(SESSION), "last": str(SESSION), "why": "half a day"}


class TestOverride:
    def test_it_is_recorded_in_the_name_of_the_login(self, desk):
        said = writing.override(desk, "oncall", ASKED | {"by": "somebody else"})
        assert (said.done, said.refused) == ("overridden", "")
        (found,) = desk.store.overrides.all()
        assert (found.asked.by, found.asked.reduction, found.asked.why) == ("oncall", 60, "half a day")

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"reduction": "sixty"}, "'sixty' is no cut"),
            ({"reduction": "60.5"}, "is no cut"),
            ({"reduction": "٦٠"}, "is no cut"),
            ({"reduction": "81"}, "81"),
            ({"first": "16 March"}, "no date"),
            ({"last": "2026-03-15"}, "2026-03-15"),
            ({"why": " \n"}, "Say why"),
            ({"why": "x" * 301}, "up to 300 printable"),
        ],
    )
    def test_what_cannot_be_is_refused_with_what_was_typed(self, desk, wrong, named):
        said = writing.override(desk, "oncall", ASKED | wrong)
        assert named in said.refused
        assert said.form == "override"
        assert {name: said.kept("override", name) for name in wrong} == wrong
        assert desk.store.overrides.all() == ()


class TestTakeBack:
    def test_it_ends_the_override_in_the_name_of_the_login(self, desk):
        writing.override(desk, "oncall", ASKED)
        said = writing.take_back(desk, "deputy", {"number": "1", "why": "calm again"})
        assert said.done == "taken-back"
        assert desk.store.overrides.all()[0].taken_back.by == "deputy"

    @pytest.mark.parametrize("number", ["7", "-1", "", "one"])
    def test_one_that_is_not_there_is_refused(self, desk, number):
        assert writing.take_back(desk, "oncall", {"number": number, "why": "calm again"}).refused


class TestRevise:
    def test_it_starts_the_run_with_who_and_why(self, desk):
        asked = []
        form = {"session": str(SESSION), "why": "half  a\nday"}
        said = writing.revise(desk, "oncall", form, lambda conf, by: asked.append((conf, by)) or "")
        assert said.done == "asked"
        assert asked == [({"session": str(SESSION), "revise": "half a day", "by": "oncall"}, "oncall")]

    def test_a_run_that_does_not_start_is_said(self, desk):
        form = {"session": str(SESSION), "why": "half a day"}
        said = writing.revise(desk, "oncall", form, lambda conf, by: "Airflow did not take the run: paused")
        assert said.refused == "Airflow did not take the run: paused"

    @pytest.mark.parametrize("wrong", [{"session": "2026-03-15"}, {"session": "today"}, {"why": ""}])
    def test_nothing_is_started_for_what_cannot_be(self, desk, wrong):
        form = {"session": str(SESSION), "why": "half a day"} | wrong
        said = writing.revise(desk, "oncall", form, lambda conf, by: pytest.fail("started"))
        assert said.refused


def test_words_of_an_address_are_never_shown():
    assert writing.said_of("call this number").done == ""
    assert all(writing.said_of(word).done for word in writing.DONE)


def test_a_session_in_an_address_is_a_date_or_nothing():
    assert writing.known_session("2026-03-16") == "2026-03-16"
    assert writing.known_session("<script>") == ""
