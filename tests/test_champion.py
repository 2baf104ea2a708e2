from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from riskops import champion
from riskops.errors import SessionError
from riskops.history import DeskHistory
from riskops.limits import limit_cents
from riskops.records import Confidence, LivedReduction, Rule, RuleScore, Rung, TrackRecord
from riskops.sessions import trading_calendar
from tests.builders import CALENDAR, SESSION, desk_history, trader_3942, trader_3951, trader_history

POSITION = CALENDAR.position(SESSION)
QUIET = [300.0, -300.0] * 15


def score_one(desk: DeskHistory) -> RuleScore:
    (score,) = champion.score(desk)
    return score


def in_force(ago: int, reduction: int, *, base: int = 500_000, rung: Rung = Rung.RULES) -> LivedReduction:
    session = CALENDAR.shift(SESSION, -ago)
    return LivedReduction("3942", session, reduction, limit_cents(base, reduction), base, rung)


def lived_desk(results: Sequence[float], records: dict[int, LivedReduction], **schedule) -> DeskHistory:
    positions = {POSITION - ago: record for ago, record in records.items()}
    return desk_history(trader_history(results), lived={"3942": positions}, **schedule)


@pytest.mark.parametrize(
    ("results", "reduction", "limit", "reasons", "confidence"),
    [
        (trader_3942(), 50, 250_000, ("Extended loss streak (5 days)", "Drawdown 18.2%"), Confidence.HIGH),
        (trader_3951(), 30, 350_000, ("Loss streak (3 days)",), Confidence.MEDIUM),
    ],
    ids=["3942", "3951"],
)
def test_the_sample_traders_get_the_limits_and_reasons_of_the_sample_mail(
    results: list[float], reduction: int, limit: int, reasons: tuple[str, ...], confidence: Confidence
) -> None:
    score = score_one(desk_history(trader_history(results)))
    assert (score.reduction, score.raw_reduction) == (reduction, reduction)
    assert limit_cents(score.base_limit_cents, score.reduction) == limit
    assert tuple(signal.reason for signal in score.signals) == reasons
    assert score.confidence is confidence
    assert not score.probation
    assert not score.rules_only
    assert score.notes == ()


def test_a_trader_without_history_is_on_probation() -> None:
    score = score_one(desk_history(trader_history([])))
    assert (score.reduction, score.probation, score.rules_only) == (20, True, True)
    assert (score.last_active, score.track_record, score.flip_distance_cents) == (None, None, None)
    assert score.confidence is Confidence.LOW
    assert score.notes == ("Probation: 0 of 10 active days",)


def test_the_tenth_active_day_ends_probation_and_the_twentieth_the_rules_only_time() -> None:
    scores = [score_one(desk_history(trader_history(QUIET[:days]))) for days in (9, 10, 19, 20)]
    assert [score.probation for score in scores] == [True, False, False, False]
    assert [score.rules_only for score in scores] == [True, True, True, False]
    assert [score.raw_reduction for score in scores] == [20, 0, 0, 0]


def test_traders_are_scored_in_the_order_of_the_desk_without_the_absent() -> None:
    desk = desk_history(*(trader_history(QUIET, trader_id=name) for name in ("b", "a", "c")))
    desk = replace(desk, absent=frozenset({"a"}))
    assert [score.trader_id for score in champion.score(desk)] == ["b", "c"]
    assert list(champion.walk(desk)) == ["b", "a", "c"]


def test_relief_starts_from_what_was_in_force_not_from_what_the_rules_would_have_asked() -> None:
    score = score_one(lived_desk(QUIET, {1: in_force(1, 60, rung=Rung.HOLD)}))
    assert (score.raw_reduction, score.reduction) == (0, 40)
    assert score.easing_from == (60, date(2026, 3, 13))
    assert score.notes == ("Easing from 60% (Fri 2026-03-13: hold limit)",)


def test_a_lived_session_without_a_cut_overrules_the_recomputed_cut() -> None:
    results = [*QUIET, -100, -100, 400]
    recomputed = score_one(desk_history(trader_history(results)))
    lived = score_one(lived_desk(results, {1: in_force(1, 0)}))
    assert (recomputed.reduction, recomputed.easing_from) == (10, (30, date(2026, 3, 13)))
    assert recomputed.notes == ("Easing from 30% (Fri 2026-03-13: Loss streak (3 days))",)
    assert (lived.reduction, lived.easing_from) == (0, None)


def test_idle_sessions_ease_a_cut_like_any_other_session() -> None:
    results, breach = [2_500.0, -2_500.0] * 15 + [400, -5_250], {}
    for ago in (1, 5, 6, 7, 8):
        breach[ago] = score_one(desk_history(trader_history(results, last_active_ago=ago))).reduction
    assert breach == {1: 40, 5: 40, 6: 20, 7: 0, 8: 0}


def test_records_of_the_session_itself_and_later_are_not_seen() -> None:
    desk = lived_desk(QUIET, {0: in_force(0, 80), -1: in_force(-1, 80)})
    assert score_one(desk).reduction == 0


def test_a_lower_base_limit_acts_at_once() -> None:
    schedule = {"3942": ((0, 500_000), (POSITION, 200_000))}
    score = score_one(desk_history(trader_history([*QUIET, *[-100] * 3]), base_limits=schedule))
    assert (score.base_limit_cents, score.reduction) == (200_000, 30)


def test_a_raise_waits_until_nothing_is_cut() -> None:
    schedule = {"base_limits": {"3942": ((0, 500_000), (POSITION - 3, 700_000))}}
    cut = score_one(desk_history(trader_history([*QUIET, *[-100] * 5]), **schedule))
    free = score_one(desk_history(trader_history(QUIET), **schedule))
    assert (cut.base_limit_cents, free.base_limit_cents) == (500_000, 700_000)
    assert cut.notes == ("Base limit stays $5,000 while cut (scheduled: $7,000)",)


def test_a_raise_that_waits_acts_on_the_first_session_without_a_cut() -> None:
    results = [*QUIET, 400, *[-100] * 3, 400, 400, 400]
    raised = {"3942": ((0, 500_000), (POSITION - 3, 700_000))}
    walked = champion.walk(desk_history(trader_history(results), base_limits=raised))["3942"]
    assert walked.reduction[-4:].tolist() == [0, 30, 10, 0]
    assert walked.base_cents[-4:].tolist() == [500_000, 500_000, 500_000, 700_000]


def test_a_raise_taken_back_before_it_acted_never_acts() -> None:
    steps = {"3942": ((0, 500_000), (POSITION - 3, 700_000), (POSITION - 2, 500_000))}
    results = [*QUIET, 400, *[-100] * 3, 400, 400, 400]
    walked = champion.walk(desk_history(trader_history(results), base_limits=steps))["3942"]
    assert set(walked.base_cents.tolist()) == {500_000}


def test_the_base_limit_in_force_on_the_last_lived_session_is_what_a_raise_waits_on() -> None:
    raised = {"base_limits": {"3942": ((0, 500_000), (POSITION - 20, 700_000))}}
    waiting = {1: in_force(1, 60, base=500_000)}
    assert score_one(lived_desk(QUIET, waiting, **raised)).base_limit_cents == 500_000
    done = {1: in_force(1, 20, base=500_000)}
    assert score_one(lived_desk(QUIET, done, **raised)).base_limit_cents == 700_000


def test_the_walk_decides_each_active_day_from_earlier_days() -> None:
    walked = champion.walk(desk_history(trader_history([*QUIET, 400, -100, -100, -100, 400, 400])))["3942"]
    assert walked.raw_reduction[-6:].tolist() == [0, 0, 0, 0, 30, 0]
    assert walked.reduction[-6:].tolist() == [0, 0, 0, 0, 30, 10]
    assert walked.limit_cents[-2:].tolist() == [350_000, 450_000]
    assert walked.fired[-2].tolist() == [rule is Rule.STREAK for rule in Rule]
    assert walked.probation.tolist() == [True] * 10 + [False] * 26
    assert walked.rules_only.tolist() == [True] * 20 + [False] * 16


def test_the_walk_ignores_what_was_lived() -> None:
    with_records = lived_desk(QUIET, {ago: in_force(ago, 80) for ago in range(1, 9)})
    assert champion.walk(with_records)["3942"].reduction[-5:].tolist() == [0] * 5


def test_the_walk_of_a_trader_without_history_is_empty() -> None:
    walked = champion.walk(desk_history(trader_history([])))["3942"]
    assert (walked.reduction.shape, walked.fired.shape) == ((0,), (0, 5))


def test_the_track_record_is_that_of_the_strongest_signal() -> None:
    results = [*QUIET, 400, -100, -100, -100, -2_500, 400, -100, -100, -100]
    other = trader_history([-2_000, 100], trader_id="other")
    score = champion.score(desk_history(trader_history(results), other))[0]
    assert score.track_record == TrackRecord(Rule.STREAK, hits=1, days=2, desk_hits=2, desk_days=41)


def test_the_flip_distance_turns_the_cut_and_a_cent_less_does_not() -> None:
    results = trader_3951()
    extra = score_one(desk_history(trader_history(results))).flip_distance_cents
    assert extra is not None

    def cut_after(cents: int) -> int:
        worse = [*results[:-1], results[-1] - cents / 100]
        return score_one(desk_history(trader_history(worse))).reduction

    assert cut_after(extra) > 30
    assert cut_after(extra - 1) == 30


def test_no_extra_loss_raises_the_largest_cut() -> None:
    severe = [*QUIET, -1_000, -2_000, -4_000, -10_000, -12_000]
    score = score_one(desk_history(trader_history(severe)))
    assert (score.reduction, score.flip_distance_cents) == (80, None)


def test_a_returning_trader_is_told_which_rules_wait() -> None:
    score = score_one(desk_history(trader_history(QUIET, last_active_ago=15)))
    assert score.notes == ("After a long gap: volatility and large-loss rules wait for 5 more active days",)


def test_the_restricted_share_counts_cuts_of_20_and_more_in_the_last_60_sessions() -> None:
    quiet = trader_history([300.0, -300.0] * 40, trader_id="quiet")
    streaky = trader_history([300.0, -300.0] * 35 + [400] + [-100] * 9, trader_id="streaky")
    desk = desk_history(quiet, streaky)
    share = champion.restricted_share(desk, champion.walk(desk))
    assert share == Fraction(6, 120)
    assert not champion.restricts_too_much(share)


def test_exactly_45_percent_is_not_too_much() -> None:
    assert not champion.restricts_too_much(Fraction(45, 100))
    assert champion.restricts_too_much(Fraction(46, 100))
    assert not champion.restricts_too_much(None)


def test_a_calendar_that_does_not_fit_the_positions_is_refused() -> None:
    desk = replace(desk_history(trader_history(QUIET)), calendar=trading_calendar("24/7"))
    with pytest.raises(SessionError, match="24/7"):
        champion.score(desk)
