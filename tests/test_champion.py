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


AFTER_A_BREACH = [*[2_500.0, -2_500.0] * 15, 400, -5_250, 400]


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


def test_in_probation_a_lone_long_streak_cuts_in_full_and_says_what_ends_it() -> None:
    score = score_one(desk_history(trader_history([300, 300, 300, 300, *[-100] * 5])))
    assert (score.probation, score.reduction) == (True, 50)
    assert [signal.reason for signal in score.signals] == ["Extended loss streak (5 days)"]
    assert score.way_back.startswith("loss streak: one day above +$50 ends it; probation ends after 1 more")


def test_the_end_of_probation_eases_a_cut_and_never_raises_it() -> None:
    """The tenth active day is idle for the streak: neither a loss nor a gain that counts."""
    walked = champion.walk(desk_history(trader_history([300, 300, 300, 300, *[-100] * 5, 10, 10])))["3942"]
    assert walked.probation[-2:].tolist() == [True, False]
    assert (walked.raw_reduction[-2:].tolist(), walked.reduction[-2:].tolist()) == ([50, 40], [50, 40])


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


@pytest.mark.parametrize("rung", [Rung.HOLD, Rung.FLOOR])
def test_a_breach_that_a_held_session_could_not_see_counts_once_it_is_known(rung: Rung) -> None:
    """The night of the breach came late: the trader was held on the next session, and gained on it."""
    held = in_force(1, 10, rung=rung)
    score = score_one(lived_desk(AFTER_A_BREACH, {1: held}))
    assert (score.raw_reduction, score.reduction) == (0, 20)
    assert score.easing_from == (40, date(2026, 3, 13))
    (note,) = score.notes
    known_since = "known since: Limit breached: -$5,250 against $5,000 on 2026-03-12"
    assert note.startswith(f"Easing from 40% (Fri 2026-03-13: {rung.label} limit then, {known_since}")


def test_a_breach_that_the_rules_have_judged_is_not_judged_again() -> None:
    assert score_one(lived_desk(AFTER_A_BREACH, {1: in_force(1, 10)})).reduction == 0


def test_a_hold_that_cut_more_than_the_rules_ask_since_is_what_relief_starts_from() -> None:
    score = score_one(lived_desk(AFTER_A_BREACH, {1: in_force(1, 60, rung=Rung.HOLD)}))
    assert (score.reduction, score.easing_from) == (40, (60, date(2026, 3, 13)))


def test_a_loss_beyond_a_held_limit_is_a_breach_of_it() -> None:
    results = [*QUIET, -3_400]
    applied = [5_000.0] * 30 + [3_000.0]
    history = trader_history(results, applied_usd=applied)
    held = {POSITION - 1: in_force(1, 40, rung=Rung.HOLD)}
    score = score_one(desk_history(history, lived={"3942": held}))
    assert score.signals[0].reason == "Limit breached: -$3,400 against $3,000 on 2026-03-13"


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


def test_days_under_a_waiting_raise_are_judged_by_the_base_limit_in_force() -> None:
    """A loss of $60 counts at $5,000 and is noise at $7,000."""
    results = [*QUIET, 400, *[-100] * 3, *[-60] * 3]
    desk = raised_desk(results, since=3)
    score = score_one(desk)
    assert (score.base_limit_cents, score.reduction) == (500_000, 40)
    assert [signal.reason for signal in score.signals] == ["Extended loss streak (6 days)"]
    assert champion.walk(desk)["3942"].raw_reduction[-2:].tolist() == [30, 40]


def test_days_from_which_a_raise_acts_are_judged_by_the_raised_base_limit() -> None:
    raised = score_one(raised_desk([*QUIET, 400, 400, -5_250], since=3))
    plain = score_one(desk_history(trader_history([*QUIET, 400, 400, -5_250])))
    assert Rule.BREACH not in [signal.rule for signal in raised.signals]
    assert Rule.BREACH in [signal.rule for signal in plain.signals]


def test_the_record_of_a_lived_day_says_by_which_base_limit_it_is_judged() -> None:
    """The raise acted on the lived morning; the rules alone would have left it waiting."""
    results = [*QUIET, 400, *[-100] * 3, -60]
    lived = {1: in_force(1, 0, base=700_000)}
    score = score_one(raised_desk(results, since=1, records=lived))
    assert [signal.reason for signal in score.signals] == ["Loss streak (3 days)"]


def test_an_assumed_limit_goes_with_the_base_limit_in_force() -> None:
    score = score_one(raised_desk([*QUIET, 400, *[-100] * 3, -5_600], since=1))
    assert score.signals[0].reason == "Limit breached: -$5,600 against $5,000 on 2026-03-13"


def raised_desk(
    results: Sequence[float], *, since: int, records: dict[int, LivedReduction] | None = None
) -> DeskHistory:
    """Return a desk as it is read: a raise to $7,000 is scheduled for the last `since` active days."""
    base = [5_000.0] * (len(results) - since) + [7_000.0] * since
    steps = {"3942": ((0, 500_000), (POSITION - since, 700_000))}
    positions = {POSITION - ago: record for ago, record in (records or {}).items()}
    history = trader_history(results, base_usd=base)
    return desk_history(history, base_limits=steps, lived={"3942": positions})


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
