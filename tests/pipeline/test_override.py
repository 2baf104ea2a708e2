"""An override from the word to the dollars: recorded, applied last, mailed, over by itself, scored."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from datetime import time

import pytest
import sqlalchemy as sa

from riskops import limits_file
from riskops.errors import InputError, OverrideError
from riskops.overrides import Phase
from riskops.pipeline.choose import choose
from riskops.pipeline.override import on_record, override, take_back
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.replay import asked_sessions, replay
from riskops.pipeline.stage import cut_off
from riskops.records import AskedOverride, Rung, RunType
from riskops.store.seal import LIMITS_MAIL
from riskops.store.tables import applied_limits, economics, published_limits
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import content_of, copied, each_verb, forgotten, on_the_morning, opened, run_for
from tests.mail_catcher import Catcher, serving
from tests.small_desks import NIGHT, csv_desk, night_file, quiet, row

FOLLOWING, LATER = CALENDAR.shift(SESSION, 1), CALENDAR.shift(SESSION, 2)
RESULTS = {"3942": trader_3942(), "3951": trader_3951(), "3960": quiet()}
RUN = run_for(SESSION)
BY, WHY = "anna", "news on the stock"


@pytest.fixture(scope="module")
def template(keeper, tmp_path_factory):
    """Return the folder of a desk whose limits for the session before were mailed; only ever copied."""
    folder = keeper(tmp_path_factory.mktemp("mailed"))
    with csv_desk(folder, RESULTS, CALENDAR.shift(NIGHT, -1), on_the_morning(NIGHT)) as desk:
        live(desk, NIGHT)
    return folder


@pytest.fixture
def folder(template, own_copy):
    """Return the folder of such a desk of this test's own, with the results of two nights to come."""
    return nights_to_come(own_copy(template))


@pytest.fixture
def at(folder):
    """Return what opens the desk at a New York time of a session."""
    return lambda session, now=time(6, 5), **changes: opened(
        folder, on_the_morning(session, now), RISKOPS_SOURCE="csv", **changes
    )


def nights_to_come(folder):
    """Put the results of three nights into the inbox of a desk; nobody breaches a limit."""
    usd = {"3942": -900.0, "3951": -900.0, "3960": 450.0}
    for night in (NIGHT, SESSION, FOLLOWING):
        night_file(folder, [row(trader, night, result) for trader, result in usd.items()], night)
    return folder


def live(desk, session, without=(), **run):
    for verb in each_verb():
        if verb.__name__ not in without:
            verb(desk, run_for(session, **run))


def asked(trader="3951", cut=60, first=SESSION, last=SESSION, **said):
    return AskedOverride(trader, first, last, cut, said.get("by", BY), said.get("why", WHY))


def decided(desk, session):
    """Return what is decided for a session, by trader."""
    return {d.trader_id: d for d in desk.store.mornings.publication(session, 0).decisions}


def cells(desk, table, **of):
    where = [table.c[name] == value for name, value in of.items()]
    with desk.store.database.reading() as connection:
        rows = connection.execute(sa.select(table).where(*where).order_by(*table.primary_key))
        return [dict(row) for row in rows.mappings()]


def mail_of(desk, session):
    return " ".join(desk.store.mornings.report(session, 0, LIMITS_MAIL).text.split())


class TestRecording:
    def test_the_evening_before_it_acts_on_its_first_session(self, at):
        with at(NIGHT, time(18)) as desk:
            receipt = override(desk, asked())
            assert (receipt["number"], receipt["acts from"]) == (1, SESSION.isoformat())
            assert "note" not in receipt
            (made,) = desk.store.overrides.all()
            assert (made.asked, made.recorded_at) == (asked(), desk.clock())

    def test_said_again_nothing_new_is_recorded(self, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked())
            again = override(desk, asked(by="  anna ", why="news  on the stock"))
            assert (again["number"], again["result"].startswith("nothing new")) == (1, True)
            assert len(desk.store.overrides.all()) == 1

    def test_once_taken_back_it_may_be_said_anew(self, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked())
            take_back(desk, 1, by="bob", why="calm")
            assert override(desk, asked())["number"] == 2

    def test_what_is_decided_today_stands_and_the_receipt_says_how_it_would_change(self, at):
        with at(SESSION) as desk:
            live(desk, SESSION)
            before = content_of(desk)
            receipt = override(desk, asked(last=FOLLOWING))
            assert receipt["acts from"] == FOLLOWING.isoformat()
            assert "is decided and stands: to have $2,000 today, ask for a revision" in receipt["note"]
            after = content_of(desk)
            assert {name for name in after if after[name] != before[name]} == {"overrides"}

    def test_for_today_alone_it_never_acts_by_itself(self, at):
        with at(SESSION) as desk:
            live(desk, SESSION)
            assert override(desk, asked())["acts from"].startswith("no session by itself")

    @pytest.mark.parametrize(("cut", "loosens"), [(0, True), (80, False)])
    def test_after_eight_a_revision_does_not_loosen_and_the_receipt_says_so(self, cut, loosens, at):
        with at(SESSION) as desk:
            live(desk, SESSION)
        with at(SESSION, time(8)) as desk:
            note = override(desk, asked(cut=cut, last=FOLLOWING))["note"]
        assert ("after 08:00 New York time a revision only tightens" in note) is loosens
        assert ("riskops revise" in note) is not loosens

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"by": " "}, "Say who"),
            ({"why": "\n"}, "Say why"),
            ({"by": "a" * 81}, "up to 80 printable"),
            ({"why": "a" * 301}, "up to 300 printable"),
            ({"why": "see \x1b[31mhere"}, "does not say why"),
            ({"by": "anna\u202e"}, "does not say who"),
            ({"by": "Trader 3951"}, "is the trader concerned"),
            ({"by": "3942@desk.example"}, "a trader does not set limits"),
            ({"trader": "9999"}, "Nobody on the roster"),
            ({"cut": 90}, "from 0 to 80"),
            ({"first": NIGHT}, "lies in the past"),
        ],
    )
    def test_what_is_refused_leaves_nothing(self, changes, why, at):
        with at(SESSION) as desk:
            before = content_of(desk)
            with pytest.raises(InputError, match=why):
                override(desk, asked(**changes))
            assert content_of(desk) == before


class TestTakingBack:
    @pytest.fixture
    def desk(self, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked(last=LATER))
        with at(SESSION) as desk:
            live(desk, SESSION)
            yield desk

    def test_the_decided_limit_is_back_from_the_next_session_on(self, desk):
        receipt = take_back(desk, 1, by="bob", why="calm again")
        assert receipt["acts from"] == FOLLOWING.isoformat()
        assert "Today's limit of $2,000 is decided and stands: to have $3,500 today" in receipt["note"]
        assert desk.store.overrides.known(FOLLOWING, cut_off(desk, run_for(FOLLOWING))) == ()

    def test_after_eight_it_would_loosen_and_says_so(self, desk):
        late = replace(desk, clock=on_the_morning(SESSION, time(9)))
        note = take_back(late, 1, by="bob", why="calm again")["note"]
        assert "a revision only tightens, and this would loosen it" in note

    @pytest.mark.parametrize(
        ("number", "by", "why"),
        [(2, "bob", "There is no override 2"), (1, "3951", "trader concerned"), (1, "3942", "does not set")],
    )
    def test_an_unknown_one_and_a_trader_s_word_are_refused(self, number, by, why, desk):
        with pytest.raises(OverrideError, match=why):
            take_back(desk, number, by=by, why="calm")
        assert desk.store.overrides.all()[0].taken_back is None

    def test_one_that_was_taken_back_is_refused_by_whom_it_was(self, desk):
        take_back(desk, 1, by="bob", why="calm again")
        with pytest.raises(OverrideError, match="was taken back on 2026-03-16 by bob: calm again"):
            take_back(desk, 1, by="eve", why="too")

    def test_one_that_is_over_is_refused(self, desk):
        late = replace(desk, clock=on_the_morning(CALENDAR.shift(LATER, 1)))
        with pytest.raises(OverrideError, match=f"is over since {LATER}"):
            take_back(late, 1, by="bob", why="calm again")


class TestDeciding:
    def test_it_is_applied_last_and_what_was_decided_stays_beside_it(self, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked())
        with at(SESSION) as desk:
            live(desk, SESSION, without=("compose", "send"))
            made, other = decided(desk, SESSION)["3951"], decided(desk, SESSION)["3942"]
            assert (made.reduction, made.limit_cents) == (60, 200_000)
            assert (made.decided_reduction, made.decided_limit_cents) == (30, 350_000)
            assert made.reasons == ("Loss streak (4 days)",)
            assert other.override is None

    @pytest.mark.parametrize("cut", [0, 80])
    def test_it_stands_on_a_held_limit_too_by_a_person_s_word(self, cut, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked(cut=cut))
        with at(SESSION) as desk:
            choose(desk, RUN)
            hold_limits(desk, RUN)
            made = decided(desk, SESSION)["3951"]
            assert (made.reduction, made.rung, made.decided_reduction) == (cut, Rung.HOLD, 40)

    def test_the_newest_on_record_wins_and_ends_before_the_other_comes_back(self, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked(cut=60, last=FOLLOWING))
            override(desk, asked(cut=80))
        for session, cut in ((SESSION, 80), (FOLLOWING, 60)):
            with at(session) as desk:
                live(desk, session)
                assert decided(desk, session)["3951"].reduction == cut

    def test_what_is_recorded_after_the_cut_off_does_not_enter(self, at):
        with at(SESSION) as desk:
            live(desk, SESSION, without=("compose", "send"))
        with at(SESSION, time(6, 20)) as desk:
            override(desk, asked())
            publish_rules(desk, RUN)
            assert decided(desk, SESSION)["3951"].override is None


@pytest.mark.campaign
class TestWhatComesAfter:
    """A morning after an overridden one decides as if there had been none."""

    CUTS = (None, 0, 45, 80)

    @pytest.fixture(scope="class")
    def afterwards(self, template, tmp_path_factory):
        """Return what is decided after everybody had an override of each cut: by the rules, and by a hold."""
        folder = tmp_path_factory.mktemp("afterwards")
        yield {cut: self.decided_after(cut, copied(template, folder / str(cut))) for cut in self.CUTS}
        forgotten(folder)

    def decided_after(self, cut, folder):
        nights_to_come(folder)
        with opened(folder, on_the_morning(NIGHT, time(18)), RISKOPS_SOURCE="csv") as desk:
            for trader in RESULTS if cut is not None else ():
                override(desk, asked(trader, cut))
        with opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv") as desk:
            live(desk, SESSION)
            assert {d.reduction for d in decided(desk, SESSION).values()} == (
                {50, 30, 0} if cut is None else {cut}
            )
        with opened(folder, on_the_morning(FOLLOWING), RISKOPS_SOURCE="csv") as desk:
            choose(desk, run_for(FOLLOWING))
            hold_limits(desk, run_for(FOLLOWING))
            held = decided(desk, FOLLOWING)
            live(desk, FOLLOWING, without=("compose", "send"))
            rules = decided(desk, FOLLOWING)
        # how far a breach is away goes by the limit in force, as the rule itself does
        return {"rules": {t: replace(d, flip_distance_cents=0) for t, d in rules.items()}, "hold": held}

    @pytest.mark.slow
    @pytest.mark.parametrize("how", ["rules", "hold"])
    def test_it_is_decided_as_if_there_had_been_none(self, how, afterwards):
        without = afterwards[None][how]
        assert without["3942"].reduction > 0
        for cut in self.CUTS:
            assert afterwards[cut][how] == without


class TestBackfills:
    @pytest.mark.parametrize("order", itertools.permutations((SESSION, FOLLOWING)))
    def test_they_give_the_same_decisions_in_any_order(self, order, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked(last=FOLLOWING))
        with at(LATER) as desk:
            for session in order:
                live(desk, session, without=("send",), run_type=RunType.BACKFILL)
            for session in (SESSION, FOLLOWING):
                made = decided(desk, session)["3951"]
                assert (made.reduction, made.override.number) == (60, 1)
                assert made.decided_reduction == {SESSION: 30, FOLLOWING: 40}[session]


@pytest.mark.campaign
class TestReplaying:
    def test_mornings_with_overrides_and_after_one_was_taken_back_are_equal(self, at):
        with at(NIGHT, time(18)) as desk:
            override(desk, asked(last=LATER))
        with at(SESSION) as desk:
            live(desk, SESSION)
        with at(SESSION, time(9)) as desk:
            take_back(desk, 1, by="bob", why="calm again")
            override(desk, asked("3942", 0, FOLLOWING, FOLLOWING))
        for session in (FOLLOWING, LATER):
            with at(session) as desk:
                live(desk, session)
        with at(LATER, time(12)) as desk:
            found = replay(desk, asked_sessions(desk, NIGHT, LATER, None))
            assert [one.difference for one in found] == [None] * 4
            assert decided(desk, SESSION)["3951"].override is not None
            assert decided(desk, FOLLOWING)["3942"].override is not None


class TestFromTheWordToTheDollars:
    def open(self, folder, port, session, now=time(6, 5)):
        return opened(
            folder,
            on_the_morning(session, now),
            RISKOPS_SOURCE="csv",
            RISKOPS_DELIVERY="smtp",
            RISKOPS_RECIPIENTS="risk@desk.example",
            RISKOPS_SMTP_HOST="127.0.0.1",
            RISKOPS_SMTP_PORT=str(port),
            RISKOPS_SMTP_SECURITY="none",
        )

    def test_mailed_exported_over_by_itself_and_scored(self, folder):
        losses = [row("3951", SESSION, -3_600.0, "t1"), row("3951", SESSION, -800.0, "t2")]
        night_file(folder, [*losses, row("3942", SESSION, -100.0), row("3960", SESSION, 450.0)], SESSION)
        with serving(catcher := Catcher()) as port:
            with self.open(folder, port, NIGHT, time(18)) as desk:
                override(desk, asked(cut=0, why="a client's hedge"))
                override(desk, asked("3942", 80, SESSION, SESSION))
            for session in (SESSION, FOLLOWING, LATER):
                with self.open(folder, port, session) as desk:
                    live(desk, session)
            first, second, third = catcher.mails
            with self.open(folder, port, LATER) as desk:
                self.says_it_is_overridden(first)
                self.keeps_it(desk)
                self.says_it_is_over(desk, second)
                self.knows_what_it_was_worth(desk)
                assert "Override 1" not in third.get_body(("plain",)).get_content()

    def says_it_is_overridden(self, mail):
        text = " ".join(mail.get_body(("plain",)).get_content().split())
        assert "2 overridden" in mail["Subject"]
        said = "OVERRIDDEN by anna until Mon 16 Mar (override 1): a client's hedge"
        assert "Trader 3951: No cut ($5,000) From: $5,000; change: +$1,500 since Fri 13 Mar" in text
        assert f"{said}; decided without it: 30% ($3,500)" in text
        assert "Trader 3942: REDUCE LIMIT BY 80% New limit: $1,000" in text
        html = mail.get_body(("html",)).get_content()
        assert "OVERRIDDEN by anna until Mon 16 Mar (override 1): a client&#39;s hedge" in html

    def keeps_it(self, desk):
        file = limits_file.found(desk.settings.output, SESSION, 0)
        line = {line.trader_id: line for line in file.lines}["3951"]
        assert (line.limit_cents, line.decided_limit_cents, line.override.number) == (500_000, 350_000, 1)
        with (desk.settings.output / str(SESSION) / limits_file.CSV_NAME).open() as text:
            (of_3951,) = [cells for cells in csv.DictReader(text) if cells["trader_id"] == "3951"]
        assert (of_3951["limit_usd"], of_3951["decided_limit_usd"]) == ("5000.00", "3500.00")
        assert (of_3951["override"], of_3951["override_by"], of_3951["override_until"]) == (
            *("1", "anna", "2026-03-16"),
        )
        (left,) = cells(desk, published_limits, session=SESSION, trader_id="3951")
        assert (left["limit_cents"], left["decided_limit_cents"]) == (500_000, 350_000)
        (applied,) = cells(desk, applied_limits, session=SESSION, trader_id="3951")
        assert (applied["limit_cents"], applied["origin"]) == (500_000, "override")

    def says_it_is_over(self, desk, mail):
        text = " ".join(mail.get_body(("plain",)).get_content().split())
        assert "overridden" not in mail["Subject"]
        assert "Override 1 of Trader 3951 is over, the decided limit is back" in text
        assert "Override 1 of Trader 3951 on Mon 16 Mar: cost $800 against the decided limit" in text
        assert "Override 2 of Trader 3942 on Mon 16 Mar: made no difference" in text
        assert {d.override for d in decided(desk, FOLLOWING).values()} == {None}

    def knows_what_it_was_worth(self, desk):
        found = {w["policy"]: w for w in cells(desk, economics, session=SESSION, trader_id="3951")}
        assert found["decided"]["limit_cents"] == 350_000
        applied, without = found["applied"], found["decided"]
        assert (applied["cost_cents"], without["prevented_cents"]) == (0, 80_000)
        assert (found["override"]["cost_cents"], found["override"]["identified"]) == (80_000, True)
        listed = {one.override.number: one for one in on_record(desk)}
        assert (listed[1].days, listed[1].low_cents, listed[1].high_cents) == (1, -80_000, -80_000)
        assert listed[1].phase is Phase.OVER
