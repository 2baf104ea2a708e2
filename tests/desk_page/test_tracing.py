"""Every number of the desk's pages is traced by `riskops explain --page`, and a wrong one is found out."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from riskops import config
from riskops.desk_page import pages, reading
from riskops.desk_page.explain import explain_pages, explain_trader_page
from riskops.desk_page.kept import Kept
from riskops.desk_page.parts import Reader
from riskops.errors import MissingResultError
from riskops.report.tracing.traced import BusinessNumber
from riskops.report.wording import trader_label
from riskops.store.tables import decisions, signals
from tests.builders import SESSION
from tests.desk_pages import CUT, FREE, HELD, NEXT, SCRIPT, lived_desk
from tests.desks import content_of, on_the_morning, opened
from tests.numbers import numbers_in, numbers_of, untraced, words_of
from tests.places import rows_at
from tests.small_desks import NIGHT

pytestmark = pytest.mark.campaign

WRITER = Reader("oncall", may_write=True, token="signed")
MORNINGS = [SESSION, NEXT, HELD]
TRADERS = [CUT, FREE, "3951", "3937", SCRIPT]
OF_THE_DESK = ["limits", "evidence", "mails", "health"]
BESIDE = ("Earlier: {}", "Later: {}", "All limits of {}")


@pytest.fixture(scope="module")
def three_mornings(keeper, tmp_path_factory):
    """Return the folder of a desk that lived three mornings."""
    return lived_desk(keeper(tmp_path_factory.mktemp("pages")))


@pytest.fixture
def desk(three_mornings):
    """Return that desk on its last morning; it is only read."""
    with opened(three_mornings, on_the_morning(HELD), RISKOPS_SOURCE="csv") as found:
        yield found


def said(desk, name, session):
    """Return what a page of the desk says."""
    asked = () if name == "mails" else (session.isoformat(),)
    kept = (Kept(),) if name in ("limits", "evidence") else ()
    return words_of(getattr(pages, name)(desk, WRITER, *kept, *asked))


def said_of(desk, trader_id, session):
    """Return what the page of a trader says."""
    return words_of(pages.trader(desk, WRITER, Kept(), trader_id, session.isoformat()))


def no_statements(desk):
    """Return what of a page is no statement: what traders are called, and links to other sessions."""
    traders = desk.store.roster.traders(desk.clock())
    labels = {trader_label(one.trader_id, one.name) for one in traders}
    return [*labels, *(link.format(day) for link in BESIDE for day in (NIGHT, *MORNINGS))]


def told_of_the_desk(desk, session):
    """Return all that is traced of the pages of a session, with the entries of its traders in the mail."""
    decided = desk.store.pages.decided(1, session)[0]
    made = desk.store.mornings.publication(decided.session, decided.revision).decisions
    traders = [explain_trader_page(desk, session, one.trader_id) for one in made]
    entries = [part for told in traders for part in told.sections if part.title != "Page of the trader"]
    return numbers_of(explain_pages(desk, session), *entries)


def told_of(desk, trader_id, session):
    """Return all that is traced of a trader's page."""
    return numbers_of(explain_trader_page(desk, session, trader_id))


@pytest.mark.parametrize("session", MORNINGS)
@pytest.mark.parametrize("name", OF_THE_DESK)
def test_every_number_of_a_page_of_the_desk_is_traced(name, session, desk):
    text = said(desk, name, session)
    assert len(numbers_in(text)) > 10
    assert untraced(text, told_of_the_desk(desk, session), no_statements(desk)) == []


@pytest.mark.parametrize("session", MORNINGS)
@pytest.mark.parametrize("trader_id", TRADERS)
def test_every_number_of_a_trader_s_page_is_traced_by_the_explanation_of_that_trader(
    trader_id, session, desk
):
    text = said_of(desk, trader_id, session)
    assert len(numbers_in(text)) > 200
    assert untraced(text, told_of(desk, trader_id, session), no_statements(desk)) == []


def articles(html):
    """Return what the limits page says of each trader who is cut or remarked on."""
    found = re.findall(r"<article>(.*?)</article>", html, re.DOTALL)
    return {unquote(re.search(r"id=([^&\"]+)", one)[1]): words_of(one) for one in found}


@pytest.mark.parametrize("session", MORNINGS)
def test_an_entry_on_the_limits_page_is_traced_by_the_explanation_of_that_trader(session, desk):
    found = articles(pages.limits(desk, WRITER, Kept(), session.isoformat()))
    assert CUT in found
    for trader_id, text in found.items():
        assert untraced(text, told_of(desk, trader_id, session), no_statements(desk)) == []


def test_another_trader_s_explanation_does_not_trace_an_entry(desk):
    found = articles(pages.limits(desk, WRITER, Kept(), SESSION.isoformat()))
    assert untraced(found[CUT], told_of(desk, "3951", SESSION), no_statements(desk))


@pytest.mark.parametrize("session", [SESSION, NEXT])
@pytest.mark.parametrize("name", ["evidence", "health"])
def test_a_row_of_an_earlier_session_is_traced_by_the_explanation_of_that_session(name, session, desk):
    html = getattr(pages, name)(desk, WRITER, *([Kept()] if name == "evidence" else []), HELD.isoformat())
    first, *_others = html.split("</table>")
    rows = [words_of(row) for row in re.findall(r"<tr>(.*?)</tr>", first, re.DOTALL)]
    own = [row for row in rows if row.split()[:1] == [f"{session},"] or row.split()[:1] == [str(session)]]
    title = f"Page of the {'evidence' if name == 'evidence' else 'data health'}"
    told = numbers_of(explain_pages(desk, session).section(title))
    assert own
    for row in own:
        assert len(numbers_in(row)) > 1
        assert untraced(row, told) == []


# --- the test of the test ---------------------------------------------------------------------


def altered(text, named):
    """Yield a text with each of its digits in turn made another number."""
    bare = re.sub("|".join(map(re.escape, named)), " ", text)
    for found in re.finditer(r"\d", bare):
        yield f"{bare[: found.start()]}98765{bare[found.end() :]}"


@pytest.mark.parametrize("name", OF_THE_DESK)
def test_whatever_number_of_a_page_is_altered_it_is_no_longer_traced(name, desk):
    told = told_of_the_desk(desk, NEXT)
    for text in altered(said(desk, name, NEXT), no_statements(desk)):
        assert untraced(text, told), text


def test_whatever_number_of_a_trader_s_page_is_altered_it_is_no_longer_traced(desk):
    told = told_of(desk, CUT, NEXT)
    for text in altered(said_of(desk, CUT, NEXT), no_statements(desk)):
        assert untraced(text, told), text


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda f: {"limits": (replace(f.limits[0], limit_cents=123_400), *f.limits[1:])}, "$1,234"),
        (lambda f: {"limits": (replace(f.limits[0], applied_cents=123_400), *f.limits[1:])}, "$1,234"),
        (lambda f: {"days": (*f.days[:-1], replace(f.days[-1], net_cents=-123_400))}, "-$1,234"),
        (lambda f: {"levels": (replace(f.levels[0], benefit_usd=123_456.0), *f.levels[1:])}, "$123,456"),
        (lambda f: {"levels": (*f.levels[:-1], replace(f.levels[-1], low_usd=-123_456.0))}, "-$123,456"),
        (lambda f: {"decision": replace(f.decision, limit_cents=123_400)}, "$1,234"),
    ],
    ids=["an earlier limit", "a limit in force", "a result", "a benefit", "its chance", "the limit"],
)
def test_a_page_that_shows_another_number_than_the_record_has_is_found_out(change, number, desk, monkeypatch):
    told, read = told_of(desk, CUT, NEXT), reading.trader

    def wrong(*asked):
        of = read(*asked)
        return replace(of, found=replace(of.found, **change(of.found)))

    monkeypatch.setattr(reading, "trader", wrong)
    assert number in untraced(said_of(desk, CUT, NEXT), told, no_statements(desk))


# --- what is told of a number -----------------------------------------------------------------


def every_number(desk, session):
    return [
        *numbers_of(explain_pages(desk, session)),
        *told_of(desk, CUT, session),
        *told_of(desk, FREE, session),
    ]


@pytest.mark.parametrize("session", MORNINGS)
def test_every_number_says_what_it_is_how_it_was_computed_and_where_it_is_on_record(session, desk):
    for number in every_number(desk, session):
        assert all((number.label, number.value, number.how, number.places)), number


@pytest.mark.parametrize("session", MORNINGS)
def test_every_place_has_rows_and_what_is_read_from_them(session, desk):
    revision = desk.store.pages.decided(1, session)[0].revision
    places = {place for number in every_number(desk, session) for place in number.places}
    assert all(hasattr(config, place.name) for place in places if isinstance(place, BusinessNumber))
    assert [str(p) for p in places if not rows_at(desk.store.database, p, session, revision)] == []


def test_explaining_the_pages_writes_nothing(desk):
    before = content_of(desk)
    every_number(desk, NEXT)
    assert content_of(desk) == before


def test_who_has_no_limit_that_day_has_a_page_that_is_traced(three_mornings, own_copy):
    with opened(own_copy(three_mornings), on_the_morning(HELD), RISKOPS_SOURCE="csv") as desk:
        with desk.store.database.writing() as connection:
            for of in (decisions, signals):
                connection.execute(of.delete().where(of.c.trader_id == CUT, of.c.session == HELD))
        assert explain_trader_page(desk, HELD, CUT).title == f"Trader {CUT} on {HELD}, without a limit"
        assert untraced(said_of(desk, CUT, HELD), told_of(desk, CUT, HELD), no_statements(desk)) == []


def test_a_trader_nobody_knows_and_a_session_without_limits_are_errors(desk):
    with pytest.raises(MissingResultError, match="'nobody' is no trader"):
        explain_trader_page(desk, HELD, "nobody")
    with pytest.raises(MissingResultError, match=f"No limits were decided for {NIGHT}"):
        explain_pages(desk, NIGHT)
