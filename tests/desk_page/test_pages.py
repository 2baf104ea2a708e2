"""Every page, of one desk: what it says, how it is built, and that names do no harm."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import delete

from riskops.desk_page import addresses, pages
from riskops.desk_page.kept import Kept
from riskops.desk_page.render import NOTHING_SAID, Said, style_digest
from riskops.errors import MissingResultError, SessionError
from riskops.records import Acknowledgement, AskedOverride, TakenBack, Verb
from riskops.store.read_backs import Reading
from riskops.store.tables import decisions
from tests.builders import SESSION
from tests.desk_pages import CUT, FREE, SCRIPT, Page
from tests.desks import run_for
from tests.small_desks import NIGHT

EVERY = ("limits", "trader", "evidence", "mails", "mail", "health")


def shown(name, desk, reader, **asked):
    """Return one of the pages, taken apart."""
    if name == "trader":
        return Page(pages.trader(desk, reader, Kept(), asked.pop("trader_id", CUT), **asked))
    if name == "mail":
        return Page(pages.mail(desk, reader, asked.pop("key", newest_mail(desk).key)))
    if name in ("limits", "evidence"):
        return Page(getattr(pages, name)(desk, reader, Kept(), **asked))
    return Page(getattr(pages, name)(desk, reader, **asked))


def newest_mail(desk):
    return desk.store.pages.newest_mails(1)[0]


def asked(reduction=60, by="oncall", why="half a day only", first=SESSION, last=SESSION, trader_id=FREE):
    return AskedOverride(trader_id, first, last, reduction, by, why)


def read_back(desk, limits):
    assert desk.store.read_backs.record(Reading(SESSION, desk.clock(), "d" * 64, "platform.csv", limits))


class TestEveryPage:
    @pytest.fixture(params=EVERY)
    def page(self, request, desk, writer):
        return shown(request.param, desk, writer)

    def test_it_is_whole_and_says_its_language_and_where_its_main_part_is(self, page):
        assert page.open == []
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("main")) == len(page.all("h1")) == 1
        assert page.links()[0] == "#main"
        assert page.all("main")[0]["id"] == "main"

    def test_headings_leave_out_no_level(self, page):
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels))

    def test_every_table_has_a_caption_and_headings_with_a_scope_and_scrolls_alone(self, page):
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(heading["scope"] in ("col", "row") for heading in page.all("th"))
        regions = [a for a in page.all("div") if a.get("role") == "region"]
        assert len(regions) == len(page.all("table"))
        assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)

    def test_every_field_has_a_label(self, page):
        fields = [a for a in page.all("input", "select") if a.get("type") != "hidden"]
        labels = {label["for"] for label in page.all("label")}
        assert {field["id"] for field in fields} <= labels

    def test_every_chart_has_a_title_and_words(self, page):
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for chart in page.all("svg"):
            assert chart["role"] == "img"
            assert set(str(chart["aria-labelledby"]).split()) <= set(ids)

    def test_sections_are_labelled_by_their_headings(self, page):
        ids = {a["id"] for _, a in page.tags if "id" in a}
        assert {a["aria-labelledby"] for a in page.all("section")} <= ids

    def test_nothing_comes_from_elsewhere_and_no_script_runs(self, page):
        assert page.all("script", "link", "img", "object", "embed") == []
        assert all(not re.match("[a-z]+:|//", link) for link in page.links())
        assert [n for _, a in page.tags for n in a if n.startswith("on") or n == "style"] == []
        assert "url(" not in page.style

    def test_the_page_one_is_on_is_marked(self, page):
        current = [a for a in page.all("a") if a.get("aria-current") == "page"]
        assert len(current) == 1

    def test_it_says_who_looks(self, page):
        assert "oncall, may write" in page.words


def test_every_link_leads_to_a_page_there_is(desk, writer):
    leads = {link.partition("?")[0] for name in EVERY for link in shown(name, desk, writer).links()}
    there = {addresses.TODAY, *("trader", "evidence", "mails", "mail", "health")}
    assert leads - {"#main"} <= there


def test_a_viewer_is_shown_no_form_that_writes(desk, viewer):
    desk.store.overrides.record(asked(), desk.clock())
    for name in EVERY:
        page = shown(name, desk, viewer)
        assert {form["method"] for form in page.all("form")} <= {"get"}
        assert "manager, reads only" in page.words


@pytest.mark.parametrize("name", EVERY[:4] + EVERY[5:])
def test_before_the_first_morning_a_page_says_so(young_desk, viewer, name):
    words = shown(name, young_desk, viewer).words
    assert "No morning has decided limits" in words or "No mail has been handed over yet" in words


@pytest.mark.parametrize("name", ["limits", "trader", "evidence", "health"])
class TestNotThere:
    def test_a_session_without_limits(self, desk, viewer, name):
        with pytest.raises(MissingResultError, match="2026-03-02"):
            shown(name, desk, viewer, session="2026-03-02")

    def test_what_is_no_date(self, desk, viewer, name):
        with pytest.raises(SessionError, match="no date"):
            shown(name, desk, viewer, session="yesterday")


def test_a_trader_nobody_knows_is_refused(desk, viewer):
    with pytest.raises(MissingResultError, match="'nobody' is no trader"):
        shown("trader", desk, viewer, trader_id="nobody")


@pytest.mark.parametrize("key", ["", "x" * 64, "../../etc/passwd", "'; --"])
def test_a_mail_nobody_knows_is_refused(desk, viewer, key):
    with pytest.raises(MissingResultError, match="no such mail"):
        shown("mail", desk, viewer, key=key)


class TestNames:
    def test_a_trader_called_like_a_script_is_only_a_name(self, desk, writer):
        for page in (shown("limits", desk, writer), shown("trader", desk, writer, trader_id=SCRIPT)):
            assert page.all("script") == []
            assert SCRIPT in page.words

    def test_the_link_to_such_a_trader_leads_to_the_trader(self, desk, writer):
        links = [link for link in shown("limits", desk, writer).links() if "script" in link]
        assert links
        assert set(links) == {addresses.trader(SCRIPT, SESSION)}
        assert not re.search("[<>\"' ]", links[0])

    def test_what_people_write_is_only_text(self, desk, writer):
        desk.store.overrides.record(asked(why=SCRIPT, by=SCRIPT), desk.clock())
        desk.store.acknowledgements.record(Acknowledgement(SESSION, 0, SCRIPT, desk.clock(), SCRIPT))
        refused = Said(form="acknowledge", refused=SCRIPT, typed={"note": f'"{SCRIPT}'})
        page = shown("limits", desk, writer, said=refused)
        assert page.all("script") == []
        assert page.words.count(SCRIPT) >= 4
        assert f'"{SCRIPT}' in [field.get("value") for field in page.all("input")]


class TestLimits:
    def test_every_trader_stands_in_the_table_with_the_limit_in_force(self, desk, viewer):
        words = shown("limits", desk, viewer).words
        for decision in desk.store.mornings.publication(SESSION, 0).decisions:
            assert f"Trader {decision.trader_id}" in words
        assert "8 of 8 limits as decided" in words

    def test_a_cut_is_told_with_its_signals_the_way_back_and_the_flip_distance(self, desk, viewer):
        words = shown("limits", desk, viewer).words
        assert "REDUCE LIMIT BY 50% - new limit $2,500 (from $5,000)" in words
        for said in ("Signals", "Streak 50%", "Way back", "one day above +$50 ends it", "Flip distance"):
            assert said in words

    def test_it_names_the_rung_and_why_and_the_cut_off(self, desk, viewer):
        words = shown("limits", desk, viewer).words
        assert "Rung 2 rules" in words
        assert "Cut-off" in words
        assert "1 of 1 mail delivered; limits stand since" in words

    def test_it_says_what_changed(self, desk, viewer):
        assert "Changed since Fri 13 Mar" in shown("limits", desk, viewer).words

    def test_todays_session_that_has_no_limits_yet_is_said(self, desk, viewer, monkeypatch):
        later = desk.clock() + timedelta(days=1)
        object.__setattr__(desk, "clock", lambda: later)
        assert "Tuesday 17 March 2026 has no limits yet" in shown("limits", desk, viewer).words

    def test_a_limit_in_force_that_is_another_one_is_said_in_words(self, desk, viewer):
        read_back(desk, {FREE: 400_000})
        words = shown("limits", desk, viewer).words
        assert "7 of 8 limits as decided" in words
        assert "read back, NOT the decided limit" in words

    def test_what_the_platform_has_applied_is_counted(self, desk, viewer):
        sent = desk.store.read_backs.sent(SESSION)
        read_back(desk, sent)
        assert "8 of 8 applied" in shown("limits", desk, viewer).words

    def test_one_limit_that_the_platform_lacks_is_named(self, desk, viewer):
        sent = desk.store.read_backs.sent(SESSION)
        read_back(desk, {trader_id: limit for trader_id, limit in sent.items() if trader_id != FREE})
        assert f"7 of 8 applied; missing: {FREE}" in shown("limits", desk, viewer).words

    def test_acknowledgements_are_listed(self, desk, writer):
        assert "Nobody has acknowledged this mail" in shown("limits", desk, writer).words
        said = Acknowledgement(SESSION, 0, "manager", desk.clock(), "called the desk")
        desk.store.acknowledgements.record(said)
        words = shown("limits", desk, writer).words
        assert "Acknowledged manager" in words
        assert "called the desk" in words

    def test_what_was_done_is_said_as_a_status_and_what_was_refused_as_an_alert(self, desk, writer):
        done = shown("limits", desk, writer, said=Said(done="Recorded."))
        assert [a for a in done.all("p") if a.get("role") == "status"]
        refused = shown("limits", desk, writer, said=Said(form="acknowledge", refused="No."))
        alert = next(a for a in refused.all("p") if a.get("role") == "alert")
        field = next(a for a in refused.all("input") if a.get("name") == "note")
        assert field["aria-describedby"] == alert["id"]
        assert "autofocus" in field
        assert not [a for a in shown("limits", desk, writer, said=NOTHING_SAID).all("p") if a.get("role")]


class TestCorrection:
    def test_an_override_that_the_mail_lacks_can_be_mailed(self, desk, writer):
        desk.store.overrides.record(asked(), desk.clock())
        page = shown("limits", desk, writer)
        assert f"Not in the mail that left: Trader {FREE} to 60%." in page.words
        assert "revise" in {form["action"] for form in page.all("form")}
        assert "half a day only" in [field.get("value") for field in page.all("input")]

    def test_one_that_was_taken_back_before_needs_none(self, desk, writer):
        recorded = desk.store.overrides.record(asked(), desk.clock())
        desk.store.overrides.take_back(recorded.number, TakenBack(desk.clock(), "oncall", "mistaken"))
        page = shown("limits", desk, writer)
        assert "revise" not in {form["action"] for form in page.all("form")}
        assert "No override is in force." in page.words

    def test_one_for_other_sessions_or_of_somebody_without_a_limit_needs_none(self, desk, writer):
        desk.store.overrides.record(asked(first=NIGHT, last=NIGHT), desk.clock())
        page = shown("limits", desk, writer)
        assert "revise" not in {form["action"] for form in page.all("form")}


class TestTrader:
    def test_results_of_twenty_and_sixty_days_are_told_and_drawn(self, desk, viewer):
        page = shown("trader", desk, viewer)
        assert "Last 20 active days: 5 up, 15 down" in page.words
        assert "Last 60 active days" in page.words
        assert len([bar for bar in page.all("rect") if bar["class"] in ("gain", "loss")]) == 60
        assert "limit" in {line["class"] for line in page.all("polyline")}

    def test_each_level_has_its_benefit_with_chance_and_what_is_left_open(self, desk, viewer):
        page = shown("trader", desk, viewer)
        assert len([bar for bar in page.all("rect") if bar["class"] == "point"]) == 17
        for said in ("Best in hindsight", "by chance", "80%", "Left open by days our limit stopped"):
            assert said in page.words

    def test_limits_are_listed_with_their_reasons(self, desk, viewer):
        words = shown("trader", desk, viewer).words
        assert "Extended loss streak (5 days)" in words
        assert "as mailed" in words

    def test_overrides_on_record_are_listed_and_can_be_taken_back(self, desk, writer):
        desk.store.overrides.record(asked(trader_id=CUT), desk.clock())
        desk.store.overrides.record(asked(why="of another one"), desk.clock())
        page = shown("trader", desk, writer)
        assert "half a day only" in page.words
        assert "of another one" not in page.words
        assert [option["value"] for option in page.all("option")] == ["1"]

    def test_who_has_no_limit_that_day_is_shown_with_the_history(self, desk, viewer):
        with desk.store.database.writing() as connection:
            connection.execute(delete(decisions).where(decisions.c.trader_id == CUT))
        words = shown("trader", desk, viewer).words
        assert "none for this session: no trading" in words
        assert "Last 60 active days" in words


class TestMail:
    def test_it_is_shown_in_a_frame_that_lets_it_do_nothing_and_as_text(self, desk, viewer):
        page = shown("mail", desk, viewer)
        frame = page.all("iframe")[0]
        assert frame["sandbox"] == ""
        assert frame["src"] == addresses.mail_alone(newest_mail(desk).key)
        assert frame["title"]
        assert "REDUCE LIMIT BY 50%" in page.words

    def test_the_frame_has_the_mail_with_its_pictures_within(self, desk):
        html = pages.mail_alone(desk, newest_mail(desk).key)
        assert "cid:" not in html
        assert html.count('src="data:image/png;base64,') >= 1

    def test_the_list_names_recipient_and_state(self, desk, viewer):
        words = shown("mails", desk, viewer).words
        assert newest_mail(desk).recipient in words
        assert "delivered to the server" in words


class TestEvidence:
    def test_it_tells_the_meter_the_tests_and_the_bar(self, desk, viewer):
        words = shown("evidence", desk, viewer).words
        assert "not enough evidence" in words
        assert "e: beats the rules by more than 10 %" in words
        assert "The ledger" in words


class TestHealth:
    def test_checks_are_counted_by_session(self, desk, viewer):
        words = shown("health", desk, viewer).words
        assert "checks passed" in words
        assert str(SESSION) in words


class TestKept:
    """What was found for a sealed session is kept; a page that is looked at again is never out of date."""

    @pytest.mark.parametrize("name", ["limits", "evidence"])
    def test_a_comparison_that_is_made_again_shows(self, name, desk, viewer):
        look = partial(getattr(pages, name), desk, viewer, Kept())
        assert "17.3" not in look()
        compared_again(desk, 17.3)
        assert "17.3" in look()

    def test_a_limit_that_is_read_back_later_shows_at_its_trader(self, desk, viewer):
        look = partial(pages.trader, desk, viewer, Kept(), CUT)
        assert "$1,234" not in look()
        assert desk.store.read_backs.record(
            Reading(NIGHT, desk.clock(), "e" * 64, "late.csv", {CUT: 123_400})
        )
        assert "$1,234" in look()

    def test_what_people_say_is_never_kept(self, desk, viewer):
        look = partial(pages.limits, desk, viewer, Kept())
        assert "Deputy" not in look()
        desk.store.acknowledgements.record(Acknowledgement(SESSION, 0, "Deputy", desk.clock()))
        assert "Deputy" in look()


def compared_again(desk, e_value):
    """Compare once more with another e-value and the same receipt, as a run of the verb leaves it."""
    mornings, run = desk.store.mornings, run_for(SESSION)
    known = mornings.comparison(SESSION, 0)
    receipt = mornings.stages(SESSION, 0)[Verb.COMPARE].detail
    begun = desk.store.journal.begin(run, Verb.COMPARE, desk.clock())
    mornings.record_comparison(SESSION, 0, replace(known, e_values=(e_value,) * 4), receipt)
    desk.store.journal.end(begun, "done", "", desk.clock())


def test_the_style_sheet_is_the_one_that_the_policy_names(desk, viewer):
    digest = hashlib.sha256(shown("limits", desk, viewer).style.encode()).digest()
    assert style_digest() == f"sha256-{base64.b64encode(digest).decode()}"


def test_all_of_a_page_is_read_over_one_connection(desk, viewer):
    opened_before = desk.store.database.reading
    connections = set()

    def counted():
        held = opened_before()

        class Counted:
            def __enter__(self):
                connection = held.__enter__()
                connections.add(id(connection))
                return connection

            def __exit__(self, *how):
                return held.__exit__(*how)

        return Counted()

    desk.store.database.reading = counted
    shown("limits", desk, viewer)
    assert len(connections) == 1
