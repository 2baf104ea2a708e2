"""What a minimal mail names is in force: it is lived, and whatever follows counts on from it."""

from __future__ import annotations

from datetime import time

import pytest

from riskops import limits_file
from riskops.errors import DeliveryError
from riskops.limits_file import State
from riskops.pipeline.choose import choose
from riskops.pipeline.override import override
from riskops.pipeline.publish import hold_limits, publish_rules
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.send import mail_of, send
from riskops.records import AskedOverride, Rung, Verb
from riskops.store.outbox import Outbox
from riskops.store.seal import LIMITS_MAIL
from tests.builders import CALENDAR, SESSION, trader_3942, trader_3951
from tests.desks import each_verb, on_the_morning, opened, run_for
from tests.mail_catcher import Catcher, serving
from tests.small_desks import NIGHT, csv_desk, night_file, row

RUN = run_for(SESSION)
FOLLOWING = CALENDAR.shift(SESSION, 1)
TWO = ("a@example.com", "b@example.com")


@pytest.fixture(scope="module")
def template(keeper, tmp_path_factory):
    """Return the folder of a desk whose limits for the session before were mailed."""
    folder = keeper(tmp_path_factory.mktemp("mailed"))
    results = {"3942": trader_3942(), "3951": trader_3951()}
    with csv_desk(folder, results, CALENDAR.shift(NIGHT, -1), on_the_morning(NIGHT)) as desk:
        for verb in each_verb():
            verb(desk, run_for(NIGHT, deliver=True))
    return folder


@pytest.fixture
def mailed(template, own_copy):
    mine = own_copy(template)
    night_file(mine, [row("3942", NIGHT, -100.0), row("3951", NIGHT, 100.0)])
    return mine


@pytest.fixture
def at(mailed):
    """Return what opens the desk on the morning of a session."""
    return lambda session: opened(mailed, on_the_morning(session), RISKOPS_SOURCE="csv")


def figures(decisions):
    return {d.trader_id: (d.reduction, d.limit_cents, d.base_limit_cents) for d in decisions}


def in_force(desk, session):
    """Return what was lived on a session: reduction, limit, base and rung by trader."""
    past = desk.store.history.lived(CALENDAR.shift(session, 1))
    on = CALENDAR.position(session)
    return {
        trader: (lived[on].reduction, lived[on].limit_cents, lived[on].base_limit_cents)
        for trader, lived in past.items()
        if on in lived
    }


def held(desk, session):
    """Return the limits of a session that is held, as its verbs decide them."""
    run = run_for(session)
    choose(desk, run)
    hold_limits(desk, run)
    return desk.store.mornings.publication(session, 0).decisions


def test_the_limits_it_names_are_lived_and_held(at):
    with at(SESSION) as desk:
        send(desk, RUN)
        named = figures(desk.store.mornings.publication(NIGHT, 0).decisions)
        decided = desk.store.mornings.publication(SESSION, 0)
        assert in_force(desk, SESSION) == figures(decided.decisions) == named
        assert max(reduction for reduction, _limit, _base in named.values()) >= 50
        assert (decided.rung, f"the limits of {NIGHT} stand" in decided.why) == (Rung.HOLD, True)
        assert {(d.held_from, d.held_sessions) for d in decided.decisions} == {(NIGHT, 1)}


def test_the_mail_is_the_report_of_its_session(at):
    with at(SESSION) as desk:
        mail = mail_of(desk, RUN)
        send(desk, RUN)
        assert desk.store.mornings.report(SESSION, 0, mail.kind) == mail
        (sent,) = Outbox(desk.store.database).rows(SESSION, 0)
    assert (sent.text, f"(for {NIGHT:%A} {NIGHT.day}" in sent.text) == (mail.text, True)


def test_the_next_hold_counts_it_as_a_held_session(at):
    with at(SESSION) as desk:
        send(desk, RUN)
    with at(FOLLOWING) as desk:
        before = in_force(desk, SESSION)
        for decision in held(desk, FOLLOWING):
            reduction, limit, _base = before[decision.trader_id]
            assert (decision.held_sessions, decision.held_from) == (2, NIGHT)
            assert decision.reduction == min(reduction + 20, 80)
            assert decision.limit_cents <= limit


def test_the_next_rules_ease_from_it(at):
    with at(SESSION) as desk:
        send(desk, RUN)
    with at(FOLLOWING) as desk:
        score_rules(desk, run_for(FOLLOWING))
        before = in_force(desk, SESSION)
        for score in desk.store.mornings.rule_scores(FOLLOWING, 0):
            assert score.reduction >= before[score.trader_id][0] - 20


def test_one_after_the_other_the_limits_stand_and_are_counted(at):
    for session in (SESSION, FOLLOWING):
        with at(session) as desk:
            send(desk, run_for(session))
    with at(FOLLOWING) as desk:
        twice = desk.store.mornings.publication(FOLLOWING, 0).decisions
        assert {(d.held_from, d.held_sessions) for d in twice} == {(NIGHT, 2)}
        assert in_force(desk, FOLLOWING) == in_force(desk, SESSION) == in_force(desk, NIGHT)


@pytest.mark.parametrize(("cut", "stands"), [(80, True), (10, False)])
def test_of_overrides_only_the_tighter_one_of_the_session_stands_and_it_is_named(cut, stands, mailed, at):
    evening = opened(mailed, on_the_morning(NIGHT, time(18)), RISKOPS_SOURCE="csv")
    with evening as desk:
        override(desk, AskedOverride("3951", SESSION, SESSION, cut, "anna", "news"))
    with at(SESSION) as desk:
        send(desk, RUN)
        before = {d.trader_id: d for d in desk.store.mornings.publication(NIGHT, 0).decisions}["3951"]
        made = {d.trader_id: d for d in desk.store.mornings.publication(SESSION, 0).decisions}["3951"]
        assert made.reduction == (cut if stands else before.reduction)
        assert (made.decided_reduction, made.held_reduction) == (before.reduction, before.reduction)
        text = desk.store.mornings.report(SESSION, 0, LIMITS_MAIL).text
        assert ("OVERRIDDEN by anna" in text) is stands
    with at(FOLLOWING) as desk:
        (again,) = [d for d in held(desk, FOLLOWING) if d.trader_id == "3951"]
        assert (again.held_sessions, again.reduction) == (2, min(before.reduction + 20, 80))


def test_an_override_that_is_over_leaves_the_limit_of_a_minimal_mail(mailed, at):
    with opened(mailed, on_the_morning(NIGHT, time(18)), RISKOPS_SOURCE="csv") as desk:
        override(desk, AskedOverride("3951", SESSION, SESSION, 80, "anna", "news"))
    for session in (SESSION, FOLLOWING):
        with at(session) as desk:
            send(desk, run_for(session))
    with at(FOLLOWING) as desk:
        assert in_force(desk, FOLLOWING) == in_force(desk, NIGHT)
        assert {d.override for d in desk.store.mornings.publication(FOLLOWING, 0).decisions} == {None}


def test_the_limits_file_has_them_sealed(at):
    with at(SESSION) as desk:
        send(desk, RUN)
        file = limits_file.read_current(desk.settings.output)
        assert (file.session, file.state, file.rung) == (SESSION, State.SEALED, Rung.HOLD)
        assert figures(file.lines) == in_force(desk, SESSION)


def test_where_nothing_was_ever_committed_the_floor_it_asks_for_is_in_force(folder):
    with csv_desk(folder, {"3942": trader_3942()}) as desk:
        send(desk, RUN)
        assert in_force(desk, SESSION) == {"3942": (50, 250_000, 500_000)}
        assert desk.store.mornings.publication(SESSION, 0).rung is Rung.FLOOR
    with opened(folder, on_the_morning(FOLLOWING), RISKOPS_SOURCE="csv") as desk:
        (decision,) = held(desk, FOLLOWING)
        assert (decision.rung, decision.reduction) == (Rung.FLOOR, 50)


def test_limits_of_this_morning_stay_as_they_were_decided(at):
    with at(SESSION) as desk:
        for verb in [*each_verb()][:-1]:
            verb(desk, RUN)
        decided = desk.store.mornings.publication(SESSION, 0)
        desk.store.mornings.fail(SESSION, 0, Verb.COMPOSE, "TemplateError: broken")
        send(desk, RUN)
        assert desk.store.mornings.publication(SESSION, 0) == decided
        assert in_force(desk, SESSION) == figures(decided.decisions)


class TestToTwo:
    @pytest.fixture
    def catcher(self):
        return Catcher()

    @pytest.fixture
    def desk(self, mailed, catcher):
        with (
            serving(catcher) as port,
            opened(
                mailed,
                on_the_morning(SESSION),
                RISKOPS_SOURCE="csv",
                RISKOPS_DELIVERY="smtp",
                RISKOPS_RECIPIENTS=",".join(TWO),
                RISKOPS_SMTP_HOST="127.0.0.1",
                RISKOPS_SMTP_PORT=str(port),
                RISKOPS_SMTP_SECURITY="none",
            ) as desk,
        ):
            yield desk

    def test_a_mail_that_nobody_took_binds_nobody(self, desk, catcher):
        catcher.sender = "451 busy"
        with pytest.raises(DeliveryError):
            send(desk, RUN)
        assert desk.store.mornings.publication(SESSION, 0) is None
        catcher.sender = ""
        for verb in each_verb():
            verb(desk, RUN)
        assert desk.store.mornings.publication(SESSION, 0).rung is Rung.RULES
        assert not any("MINIMAL" in mail["Subject"] for mail in catcher.mails)

    def test_who_gets_it_later_gets_the_same_and_no_verb_changes_it(self, desk, catcher):
        catcher.recipients = {TWO[1]: "451 busy"}
        with pytest.raises(DeliveryError):
            send(desk, RUN)
        catcher.recipients = {}
        before = desk.store.mornings.publication(SESSION, 0)
        score_rules(desk, RUN)
        choose(desk, RUN)
        assert publish_rules(desk, RUN)["sealed"] is True
        assert send(desk, RUN)["delivered"] == [TWO[1]]
        assert desk.store.mornings.publication(SESSION, 0) == before
        first, second = (mail.get_body(("plain",)).get_content() for mail in catcher.mails)
        assert first == second
