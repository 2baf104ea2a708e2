"""The mornings whose mails are kept as golden files: one for every state the desk can wake up to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from riskops.outcomes import News, OverrideWorth
from riskops.overrides import Others, applied
from riskops.records import (
    AskedOverride,
    CheckResult,
    Comparison,
    Confidence,
    Decision,
    Engine,
    ModelScore,
    Override,
    Publication,
    Revision,
    Rule,
    Rung,
    Severity,
    Signal,
    TrackRecord,
    Verdict,
)
from riskops.report.changes import Earlier, Standing, of_the_mail_before
from riskops.report.charts import Day
from riskops.report.content import Background, Content
from riskops.report.correction import MailBefore
from riskops.report.escalation import Escalation, escalation
from riskops.report.material import Material, arranged
from riskops.report.outcome_lines import outcome_lines
from riskops.report.override_lines import override_lines
from tests.builders import SESSION

FRIDAY = date(2026, 3, 13)
CUT_OFF = datetime(2026, 3, 16, 10, 12, tzinfo=UTC)
RUNBOOK = "https://risk.example.com/runbook"
ASKED_AT = datetime(2026, 3, 16, 11, 40, tzinfo=UTC)
NOT_PROMOTED = "Not promoted: e = 3.1 of 20, about 70 more sessions at this pace."


def decision(trader_id: str = "3960", reduction: int = 0, **changes: object) -> Decision:
    """Return a decision of the rules on a $5,000 limit; `changes` overwrite its fields."""
    made = Decision(
        trader_id=trader_id,
        name=f"Trader {trader_id}",
        base_limit_cents=500_000,
        reduction=reduction,
        limit_cents=500_000 - 5_000 * reduction,
        rung=Rung.RULES,
        engine=Engine.RULES,
        reasons=("Loss streak (3 days)",) if reduction else (),
        confidence=Confidence.MEDIUM,
        track_record=None,
        way_back="loss streak: one day above +$50 ends it" if reduction else "",
        flip_distance_cents=31_000,
    )
    return replace(made, **changes)


def seed_desk() -> tuple[Decision, ...]:
    """Return fifteen traders, one of them above 40 % and three between 20 and 40 %."""
    streak = TrackRecord(Rule.STREAK, hits=4, days=17, desk_hits=312, desk_days=2600)
    severe = decision(
        "3942",
        50,
        reasons=("Extended loss streak (5 days)", "Drawdown 18.2%"),
        confidence=Confidence.HIGH,
        track_record=streak,
        way_back="loss streak: one day above +$50 ends it; "
        "drawdown: $3,264 of gains bring it to 15%, and losses leave it after 20 active days",
        large_loss_probability=0.31,
        challenger_reduction=50,
    )
    cut = [
        severe,
        decision(
            "3951",
            30,
            track_record=replace(streak, hits=2, days=21),
            large_loss_probability=0.17,
            challenger_reduction=40,
        ),
        decision(
            "3957",
            20,
            reasons=("Probation (6 active days)",),
            confidence=Confidence.LOW,
            way_back="probation ends after 4 more active days",
        ),
        decision(
            "3944",
            40,
            reasons=("Drawdown 16.1%",),
            way_back="drawdown: $1,240 of gains bring it to 15%, and losses leave it after 20 active days",
            flip_distance_cents=None,
        ),
        decision(
            "3955",
            10,
            reasons=("Easing from 30% (Fri 2026-03-13)",),
            notes=("Easing from 30% (Fri 2026-03-13: Loss streak (4 days))",),
            way_back="easing: back to 0% by 2026-03-17 if nothing new fires",
        ),
        decision("3949", base_limit_cents=250_000, limit_cents=250_000, flip_distance_cents=12_050),
    ]
    return (*cut, *(decision(str(number), flip_distance_cents=90_000) for number in range(3961, 3970)))


SINCE = f"since {FRIDAY:%a} {FRIDAY.day} {FRIDAY:%b}"
NETS = (420, -310, 1_150, -2_210, 640, -480, -95, 890, -1_730, 310, 75, -640, 1_280, 560, -260)


def earlier(**limits: tuple[int, int]) -> Earlier:
    """Return Friday's limits: the seed desk's, but for those named as (USD, cut) after the trader."""
    cuts = {d.trader_id: (d.limit_cents, d.reduction) for d in seed_desk()}
    cuts |= {name.lstrip("t"): (100 * usd, cut) for name, (usd, cut) in limits.items()}
    return Earlier(SINCE, {key: Standing(*cut, f"Trader {key}") for key, cut in cuts.items()}, FRIDAY)


def earlier_of(desk: tuple[Decision, ...], **limits: tuple[int, int]) -> Earlier:
    """Return Friday's limits of some traders only."""
    found = earlier(**limits)
    return Earlier(SINCE, {d.trader_id: found.limits[d.trader_id] for d in desk}, FRIDAY)


def recent(trader_id: str, last_usd: tuple[int, ...]) -> tuple[Day, ...]:
    """Return twenty active days that end on Friday with these results."""
    shift = int(trader_id) % len(NETS)
    nets = (*NETS[shift:], *NETS[:shift], *NETS)[: 20 - len(last_usd)] + last_usd
    sessions = [FRIDAY - timedelta(days=n) for n in range(40) if (FRIDAY - timedelta(days=n)).weekday() < 5]
    limits = [500_000] * 17 + [350_000] * 3
    days = zip(reversed(sessions[:20]), nets, limits, strict=True)
    return tuple(Day(session, 100 * net, limit) for session, net, limit in days)


def background(**changes: object) -> Background:
    """Return what a usual morning tells beside its decisions; `changes` overwrite its fields."""
    made = Background(
        earlier=earlier(t3942=(3_500, 30), t3951=(5_000, 0), t3955=(3_500, 30)),
        signals={
            "3942": (
                Signal(Rule.STREAK, 50, "Extended loss streak (5 days)", {"days": 5}),
                drawdown(18.2, 1_890_000, 10_384_600),
            ),
            "3944": (drawdown(16.1, 1_651_200, 10_256_000),),
            "3951": (Signal(Rule.STREAK, 30, "Loss streak (3 days)", {"days": 3}),),
        },
        recent={
            "3942": recent("3942", (-880, -1_420, -610, -2_480, -1_310)),
            "3944": recent("3944", (-2_940, 1_060)),
            "3951": recent("3951", (-420, -1_190, -730)),
            "3955": recent("3955", (940,)),
            "3957": recent("3957", ())[-6:],
        },
    )
    return replace(made, **changes)


def drawdown(percent: float, lost_cents: int, of_cents: int) -> Signal:
    """Return a drawdown of twenty active days."""
    numbers = {"percent": percent, "numerator_cents": lost_cents, "denominator_cents": of_cents}
    return Signal(Rule.DRAWDOWN, 40, f"Drawdown {percent}%", numbers | {"window_days": 20})


def course(weeks: int = 122) -> tuple[tuple[date, float], ...]:
    """Return a benefit that ends at that of the usual comparison."""
    rises = [100.0 * ((37 * n) % 23 - 9) for n in range(weeks)]
    worth, found = 0.0, []
    for n, rise in enumerate(rises):
        worth += rise
        found.append((FRIDAY - timedelta(weeks=weeks - 1 - n), worth))
    return tuple((day, round(usd * 48_300 / worth, 2)) for day, usd in found)


def publication(decisions: tuple[Decision, ...] | None = None, **changes: object) -> Publication:
    """Return the publication of a morning on rung 2; `changes` overwrite its fields."""
    made = Publication(
        session=SESSION,
        revision=0,
        rung=Rung.RULES,
        verdict=Verdict.NOT_ENOUGH_EVIDENCE,
        why=NOT_PROMOTED,
        cut_off=CUT_OFF,
        code_version="0.1.0",
        decisions=seed_desk() if decisions is None else decisions,
    )
    return replace(made, **changes)


def comparison(**changes: object) -> Comparison:
    """Return a comparison with too little evidence; `changes` overwrite its fields."""
    made = Comparison(
        verdict=Verdict.NOT_ENOUGH_EVIDENCE,
        reason=NOT_PROMOTED,
        e_values=(3.1, 88.0, 41.5, 3.4),
        challenger_benefit_usd=61_240.4,
        rules_benefit_usd=48_300.0,
        desk_days=612,
        trader_days=7_904,
        large_loss_days=431,
        clipped_days=2,
        vetoed=False,
        sessions_to_go=70,
        smallest_detectable_usd=95.2,
        specification="c0ffee",
        rules_course=course(),
    )
    return replace(made, **changes)


def check(name: str = "trades are unique", **changes: object) -> CheckResult:
    """Return a passed critical check; `changes` overwrite its fields."""
    made = CheckResult(
        check=name,
        severity=Severity.CRITICAL,
        passed=True,
        trader_id=None,
        observed="",
        unexpected_count=0,
        detail="",
    )
    return replace(made, **changes)


def scores() -> tuple[ModelScore, ...]:
    """Return the model's scores of two traders: one it would cut further, one it would not."""
    return (
        ModelScore("3942", 0.31, 50, 0.0, 12.0, ("5-day drawdown deep", "size up after losses")),
        ModelScore("3951", 0.17, 40, 38.0, 20.0, ("volatility above its usual level",)),
    )


def held(trader_id: str, reduction: int, **changes: object) -> Decision:
    """Return a limit that was held over from Friday."""
    hold = {
        "rung": Rung.HOLD,
        "engine": None,
        "reasons": (f"Held from {FRIDAY} ({reduction - 10}% then), held session 1",),
        "confidence": Confidence.LOW,
        "way_back": "Ends on the first morning whose data and rules are sound.",
        "flip_distance_cents": None,
        "held_from": FRIDAY,
        "held_sessions": 1,
    }
    return decision(trader_id, reduction, **(hold | changes))


class Morning:
    """A morning whose mail is kept: called it gives the mail, `material` is what that is made from."""

    def __init__(self, material: Callable[[], Material]) -> None:
        self.material = material
        self.__name__ = material.__name__

    def __call__(self) -> Content:
        return arranged(self.material())


@Morning
def usual() -> Material:
    """The seed's morning: the rules decide, the model is in shadow."""
    idle = "No trade in the night, although active on nearly every session: last active 2026-03-12."
    remark = check("normally_active", severity=Severity.INFO, passed=False, trader_id="3961", detail=idle)
    return Material(
        publication(),
        comparison(),
        [check(), check("schema"), remark],
        scores(),
        0.31,
        background=background(),
    )


@Morning
def model_decides() -> Material:
    """Rung 1: the promoted model has tightened one limit."""
    raised = decision(
        "3951",
        40,
        rung=Rung.MODEL,
        engine=Engine.POOLED_MODEL,
        reasons=("volatility above its usual level", "Loss streak (3 days)"),
        large_loss_probability=0.17,
        challenger_reduction=40,
    )
    wins = (
        "The model decides since 2026-03-02: it beats the rules by more than 10 %, e = 25.3 of 20 on 812 "
        "desk-days; e = 1.2 of 3 for a demotion."
    )
    found = comparison(
        verdict=Verdict.MODEL_WINS,
        reason=wins,
        e_values=(25.3, 400.0, 90.0, 26.0),
        champion=Engine.POOLED_MODEL,
        champion_since=date(2026, 3, 2),
        demotion_e=1.2,
    )
    desk = (raised, decision("3942", rung=Rung.MODEL))
    made = publication(desk, rung=Rung.MODEL, verdict=Verdict.MODEL_WINS, why=wins)
    known = background(earlier=earlier_of(desk, t3951=(3_500, 30), t3942=(5_000, 0)))
    return Material(made, replace(found, sessions_to_go=0), [check()], scores(), 0.22, background=known)


@Morning
def own_models() -> Material:
    """Rung 2+T: the promoted model was killed, a trader's own model has tightened one limit."""
    why = (
        "The pooled model gave no scores: it was killed. It is promoted, so the traders' own models "
        "tighten the rules' limits"
    )
    tightened = decision(
        "3951",
        40,
        engine=Engine.OWN_MODELS,
        reasons=(
            "size after losing trades 1.9x that after winning trades (+$85 of expected gain)",
            "Loss streak (3 days)",
        ),
    )
    desk = (tightened, *(d for d in seed_desk() if d.trader_id != "3951"))
    made = publication(desk, verdict=Verdict.MODEL_FAILED, why=why)
    found = comparison(
        verdict=Verdict.MODEL_FAILED,
        reason="The pooled model gave no scores: it was killed",
        champion=Engine.POOLED_MODEL,
        champion_since=date(2026, 3, 2),
    )
    return Material(made, found, [check()], (), 0.31, background=background())


@Morning
def model_failed() -> Material:
    """Rung 2 because the model raised."""
    why = "The pooled model gave no scores: Forced by RISKOPS_FAULT=model_raises."
    desk = tuple(replace(d, large_loss_probability=None, challenger_reduction=None) for d in seed_desk())
    made = publication(desk, verdict=Verdict.MODEL_FAILED, why=why)
    found = comparison(verdict=Verdict.MODEL_FAILED, reason=why)
    drill = "This is a drill: RISKOPS_FAULT=model_raises"
    told = background(earlier=earlier())
    return Material(made, found, [check()], (), 0.31, faults=[drill], background=told)


@Morning
def limits_held() -> Material:
    """Rung 3: a critical check failed for the whole desk."""
    desk = (held("3942", 60), held("3951", 40), held("3961", 10))
    made = publication(desk, rung=Rung.HOLD, why="a critical data check failed")
    nobody = "No account was fetched in time for 2026-03-13, which the limits of 2026-03-16 need."
    missing = "Not fetched in time for 2026-03-13, so that a loss may be missing: account A3942."
    failed = [
        check("desk_covered", passed=False, detail=nobody, unexpected_count=1),
        check("account_covered", passed=False, trader_id="3942", detail=missing, unexpected_count=1),
        check("result_usual", severity=Severity.WARNING, passed=False, raised=True, detail="no such table"),
    ]
    known = background(earlier=earlier_of(desk, t3951=(3_500, 30)))
    return Material(
        made,
        comparison(),
        [check(), *failed],
        scores(),
        0.31,
        background=known,
        what_to_do=f"{RUNBOOK}#limits-are-held",
    )


@Morning
def floor() -> Material:
    """Rung 4: the first morning, without history, has failed."""
    reasons = ("Floor of 50%: there is no earlier limit to hold",)
    desk = tuple(
        held(str(n), 50, rung=Rung.FLOOR, reasons=reasons, held_from=None, held_sessions=0)
        for n in (3942, 3951)
    )
    why = "the ingest failed (There is no file trades_2026-03-13.csv in the inbox)"
    made = publication(desk, rung=Rung.FLOOR, verdict=Verdict.MODEL_FAILED, why=why)
    return Material(made, None, [], (), None, what_to_do=f"{RUNBOOK}#limits-are-held")


@Morning
def quarantine() -> Material:
    """Rung 2 with one trader whose data failed, and a desk that is restricted too often."""
    wrong = "Net is not gross less fees (1 of 31 trades): trade 88213 of account A3951."
    off = (
        "The daily result is not the sum of its trades; load the session again (1 of 5 daily results): "
        "account A3951 on 2026-03-13 (recorded -$310 in 31 trades, found -$290 in 30)."
    )
    failed = [
        check("net_is_gross_less_fees", passed=False, trader_id="3951", detail=wrong, unexpected_count=1),
        *(
            check(f"daily_{column}_match_trades", passed=False, trader_id="3951", detail=off)
            for column in ("net_cents", "trades")
        ),
    ]
    severe = seed_desk()[0]
    desk = (
        severe,
        held("3951", 40, name="Zoe Miller", quarantined=True),
        decision("3961", notes=("2 results estimated",)),
    )
    known = background(earlier=earlier_of(desk, t3951=(3_500, 30)))
    return Material(publication(desk), comparison(), [check(), *failed], scores(), 0.524, background=known)


@Morning
def overridden() -> Material:
    """Somebody's word gives three limits: one tighter, one looser, and one that is full."""
    desk = seed_desk()
    said = (
        word(12, "3951", 60, "news on the stock"),
        word(13, "3942", 30, "the streak is one position, closed on Friday", last=SESSION),
        word(14, "3944", 0, "a client's hedge, no risk of his own"),
    )
    others = Others(
        now={},
        ended=(word(9, "3957", 50, "back from leave", first=date(2026, 3, 9), last=FRIDAY),),
        given_way=((word(11, "3951", 40, "news on the stock"), 12),),
        ending=(said[1],),
        coming=(word(15, "3961", 40, "a new strategy", first=date(2026, 3, 23), last=date(2026, 3, 25)),),
    )
    names = {d.trader_id: d.name for d in desk}
    worth = (
        OverrideWorth(FRIDAY, "3957", 9, -45_000, -45_000),
        OverrideWorth(FRIDAY, "3944", 8, -12_000, 80_000),
    )
    return Material(
        publication(tuple(applied(desk, said))),
        comparison(),
        [check(), check("schema")],
        scores(),
        0.31,
        overrides=override_lines(others, names),
        outcomes=outcome_lines(News(overrides=worth), names),
        background=background(),
    )


def word(
    number: int, trader_id: str, cut: int, why: str, first: date = SESSION, last: date = date(2026, 3, 20)
) -> Override:
    """Return somebody's override."""
    return Override(number, AskedOverride(trader_id, first, last, cut, "anna", why), CUT_OFF)


@Morning
def correction() -> Material:
    """Revision 1 tightens one limit."""
    before = publication()
    first, second, *rest = before.decisions
    tightened = (first, decision(second.trader_id, 40), *rest)
    after = replace(before, revision=1, cut_off=ASKED_AT, decisions=tightened)
    told = background(earlier=of_the_mail_before(before))
    asked = Revision(SESSION, 1, "R. Manager", "a late file of the night", ASKED_AT, "a run")
    found = Material(after, comparison(), [check()], scores(), None, background=told)
    sent = arranged(replace(found, publication=before))
    return replace(found, asked=asked, corrects=MailBefore(before, sent.health))


@Morning
def first_morning() -> Material:
    """Everybody is on probation and nothing can be compared."""
    desk = tuple(
        decision(
            str(number),
            20,
            reasons=("Probation (0 active days)",),
            confidence=Confidence.LOW,
            way_back="probation ends after 10 more active days",
            flip_distance_cents=None,
        )
        for number in (3942, 3951)
    )
    nothing = comparison(
        reason="The pooled model has too little data yet (0 of 60 sessions and 0 of 250 trader-days).",
        e_values=(1.0, 1.0, 1.0, 1.0),
        challenger_benefit_usd=0.0,
        rules_benefit_usd=0.0,
        desk_days=0,
        trader_days=0,
        large_loss_days=0,
        clipped_days=0,
        sessions_to_go=None,
        smallest_detectable_usd=None,
        rules_course=(),
    )
    return Material(publication(desk, why=nothing.reason), nothing, [check()], (), None)


MORNINGS: dict[str, Morning] = {
    kept.__name__: kept
    for kept in (
        usual,
        model_decides,
        model_failed,
        own_models,
        limits_held,
        floor,
        quarantine,
        overridden,
        correction,
        first_morning,
    )
}


def deep_cuts() -> Escalation:
    """The usual morning has one trader to escalate, a held one beside him."""
    desk = (*seed_desk(), held("3970", 60))
    return escalation(publication(desk), f"{RUNBOOK}#a-mail-is-not-acknowledged", again=False)


def unacknowledged() -> Escalation:
    """A correction that nobody has acknowledged at 07:50."""
    left = publication(seed_desk(), revision=1)
    return escalation(left, f"{RUNBOOK}#a-mail-is-not-acknowledged", again=True)


ESCALATIONS: dict[str, Callable[[], Escalation]] = {
    f"escalation_{mail.__name__}": mail for mail in (deep_cuts, unacknowledged)
}
