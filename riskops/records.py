"""The words of the domain as frozen records; money in cents, moments timezone-aware."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any


class Side(StrEnum):
    """The side of a closed trade."""

    LONG = "long"
    SHORT = "short"


class Action(StrEnum):
    """What a fill did, in the letters of the desk's back office; a short sale and a cover have their own."""

    BUY = "B"
    SELL = "S"
    SHORT = "T"
    COVER = "C"

    @property
    def sign(self) -> int:
        """+1 where the fill adds to the signed position, -1 where it takes away from it."""
        return 1 if self in (Action.BUY, Action.COVER) else -1


class RosterState(StrEnum):
    """What a trader may do from a date on."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Rule(StrEnum):
    """The five rules of the champion, in the order their reasons are listed."""

    BREACH = "limit_breached"
    STREAK = "loss_streak"
    DRAWDOWN = "drawdown"
    VOLATILITY = "volatility_spike"
    LARGE_LOSS = "large_single_day_loss"


class Engine(StrEnum):
    """Who computes a reduction."""

    RULES = "rules"
    POOLED_MODEL = "pooled_model"
    OWN_MODELS = "own_models"


class LimitOrigin(StrEnum):
    """How we know which limit a trader really had on a day."""

    READ_BACK = "read_back"
    OVERRIDE = "override"
    PUBLISHED = "published"
    ASSUMED = "assumed"


class LedgerKind(StrEnum):
    """What the ledger of the challenger's specifications records."""

    REGISTERED = "registered"
    PROMOTED = "promoted"
    DEMOTED = "demoted"


class Verdict(StrEnum):
    """The outcome of the comparison."""

    MODEL_WINS = "model_wins"
    RULES_HOLD = "rules_hold"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"
    MODEL_FAILED = "model_failed"


class Rung(IntEnum):
    """The step of the fall-back ladder that produced limits; higher is further down."""

    MODEL = 1
    RULES = 2
    HOLD = 3
    FLOOR = 4

    @property
    def label(self) -> str:
        """The rung's name as the mail prints it."""
        return self.name.lower()


class Severity(StrEnum):
    """What a failed data check does to the morning."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Confidence(StrEnum):
    """How well a cut is confirmed."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Verb(StrEnum):
    """The steps of a morning; each is one function, one task and one command."""

    INGEST = "ingest"
    VALIDATE = "validate"
    SCORE_RULES = "score_rules"
    SCORE_MODEL = "score_pooled_model"
    COMPARE = "compare"
    RECORD_OUTCOMES = "record_outcomes"
    CHOOSE = "choose"
    PUBLISH = "publish"
    COMPOSE = "compose_report"
    SEND = "send_report"


class RunType(StrEnum):
    """Who asked for a run; the first three are Airflow's own words."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    BACKFILL = "backfill"
    BREAK_GLASS = "break_glass"


@dataclass(frozen=True, slots=True)
class Trader:
    """A person with one limit."""

    trader_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account and the trader it belongs to from a date on (`effective_to` excluded)."""

    account_id: str
    trader_id: str
    effective_from: date
    effective_to: date | None = None
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class BaseLimit:
    """A trader's normal daily loss limit from a date on."""

    trader_id: str
    effective_from: date
    base_limit_cents: int


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A trader's roster state from a date on."""

    trader_id: str
    effective_from: date
    state: RosterState


RosterRecord = Trader | Account | BaseLimit | RosterEntry


@dataclass(frozen=True, slots=True)
class Entered:
    """Since when an entry of the roster is known, when it was made, by whom and why."""

    known_at: datetime
    recorded_at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class RosterChange:
    """One entry of the roster as it was made; `withdrawn` takes the same entry back."""

    record: RosterRecord
    entered: Entered
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """The row of a file that something was read from, for messages."""

    file_name: str
    line_number: int

    def __str__(self) -> str:
        return f"{self.file_name}:{self.line_number}"


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed trade, or one fill that carries the venue's realised result.

    `net_cents = gross_cents - fees_cents`. `opened_at` and the prices are ``None`` where the
    venue does not tell them. `session` is the label of `closed_at`. `opening_fill` and `closing_fill`
    name the fills it was matched from, where it was. `origin` is the row it was read from, where
    there was one; it is no part of what the trade is.
    """

    account_id: str
    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    opened_at: datetime | None
    closed_at: datetime
    entry_price: Decimal | None
    exit_price: Decimal | None
    gross_cents: int
    fees_cents: int
    net_cents: int
    session: date
    known_at: datetime
    currency: str = "USD"
    opening_fill: str | None = None
    closing_fill: str | None = None
    origin: Origin | None = field(default=None, compare=False)

    @property
    def result(self) -> tuple[date, int, int]:
        """Session, net and gross in cents: what two rows of the same trade have to agree on."""
        return self.session, self.net_cents, self.gross_cents


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution, as the broker reports it.

    `quantity` is above 0 and may be fractional, `fees` are USD, exact to the broker's last digit, and
    a cost is positive. `session` is the label of `executed_at`.
    """

    account_id: str
    fill_id: str
    symbol: str
    action: Action
    quantity: Decimal
    price: Decimal
    fees: Decimal
    executed_at: datetime
    session: date
    known_at: datetime
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class BrokerDay:
    """The broker's own summary of an account and session, which our reading of its fills must agree with.

    `net_cents = gross_cents - fees_cents` is realised. `adjustments_cents` are fees booked beside the
    fills (a credit is positive); `unrealised_change_cents` is ``None`` where the broker does not tell.
    """

    account_id: str
    session: date
    gross_cents: int
    fees_cents: int
    net_cents: int
    adjustments_cents: int
    unrealised_change_cents: int | None
    known_at: datetime

    @property
    def result_cents(self) -> int:
        """The daily result: net, adjustments and the change of what is unrealised, where supplied."""
        return self.net_cents + self.adjustments_cents + (self.unrealised_change_cents or 0)


@dataclass(frozen=True, slots=True)
class Signal:
    """One fired rule: its level (0..80), its reason text and the numbers behind it."""

    rule: Rule
    level: int
    reason: str
    numbers: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How often a large loss followed days on which the same rule fired.

    `hits` of `days` were large-loss days for the trader, `desk_hits` of `desk_days` on the desk.
    """

    rule: Rule
    hits: int
    days: int
    desk_hits: int
    desk_days: int


@dataclass(frozen=True, slots=True)
class RuleScore:
    """What the rules say of one trader for one session.

    `raw_reduction` is the combination of the signals (probation included), before relaxation;
    `easing_from` is the reduction and the session that relaxation eases from, where it decides.
    Reductions are percent of the base limit, `flip_distance_cents` is the extra loss on the last
    active day that would raise the cut (``None``: no loss would).
    """

    trader_id: str
    base_limit_cents: int
    raw_reduction: int
    reduction: int
    signals: tuple[Signal, ...]
    confidence: Confidence
    track_record: TrackRecord | None
    active_days: int
    last_active: date | None
    probation: bool
    rules_only: bool
    easing_from: tuple[int, date] | None
    way_back: str
    flip_distance_cents: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelScore:
    """What a model says of one trader for one session: the pooled one, or the trader's own.

    `large_loss_probability` is the displayed risk (0..1), ``None`` of a trader's own model.
    `reduction` is the overlay's, in percent of the base limit, never below the rules'. `gain_usd`
    is the expected gain over the rules' reduction and `gain_se_usd` its standard error. `reasons`
    are the largest contributions in plain words.
    """

    trader_id: str
    large_loss_probability: float | None
    reduction: int
    gain_usd: float
    gain_se_usd: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One data-quality check; `trader_id` is set where it concerns a single trader.

    `raised` marks a check that could not be carried out: always critical.
    """

    check: str
    severity: Severity
    passed: bool
    trader_id: str | None
    observed: str
    unexpected_count: int
    detail: str
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion against challenger: the verdict and the evidence of one morning.

    `e_values` are the four e-processes in the order beats-by-10 %, not-worse-than-minus-10 %,
    better-than-no-restriction, material. Benefits are USD over the whole walk-forward.
    `table` holds the benchmarks: policy name to its figures. `opens` says whether the gate is
    open, `demotion_e` is the e-value of a demotion (a bar of 3) and `demotion` why one is due.
    `champion` decides, since `champion_since` where that is the model. `rules_course` is the rules'
    benefit cumulated to the last desk-day of each week; it ends at `rules_benefit_usd`.
    """

    verdict: Verdict
    reason: str
    e_values: tuple[float, float, float, float]
    challenger_benefit_usd: float
    rules_benefit_usd: float
    desk_days: int
    trader_days: int
    large_loss_days: int
    clipped_days: int
    vetoed: bool
    sessions_to_go: int | None
    smallest_detectable_usd: float | None
    specification: str
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    information: dict[str, float] = field(default_factory=dict)
    opens: bool = False
    demotion_e: float = 1.0
    demotion: str = ""
    champion: Engine = Engine.RULES
    champion_since: date | None = None
    rules_course: tuple[tuple[date, float], ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A registration, promotion or demotion of a specification, with the evidence of that day.

    It holds from `session` on. `specification` is the digest, `number` its running number among
    the registered ones: the more were tried, the more evidence the next one needs.
    """

    session: date
    kind: LedgerKind
    specification: str
    number: int
    why: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskedOverride:
    """A person's word that a trader's cut is another one, from a session through a session.

    `reduction` is percent of the base limit (0..80). It ends by itself after `last_session`.
    """

    trader_id: str
    first_session: date
    last_session: date
    reduction: int
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Who ended an override before its time, when and why."""

    recorded_at: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Override:
    """An override on record under its number; `taken_back` says by whom it ended before its time."""

    number: int
    asked: AskedOverride
    recorded_at: datetime
    taken_back: TakenBack | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """What an override made of a decision, and what had been decided without it.

    `decided_reduction` is percent of the base limit: relaxation and holds go by it, never by the override.
    """

    number: int
    by: str
    why: str
    last_session: date
    decided_reduction: int
    decided_limit_cents: int


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody's word that he has read the mail of a session and revision."""

    session: date
    revision: int
    by: str
    recorded_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """A correction of a session that somebody asked for; the first one has the number 1."""

    session: date
    revision: int
    by: str
    why: str
    recorded_at: datetime
    run_id: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The limit of one trader for one session, with everything the mail says of it.

    `reduction` is what is in force (percent of `base_limit_cents`): an override's where there is one,
    which `override` tells of, else what was decided. `held_from` names the session a hold stands on,
    whose reduction and limit were `held_reduction` and `held_limit_cents`.
    """

    trader_id: str
    name: str
    base_limit_cents: int
    reduction: int
    limit_cents: int
    rung: Rung
    engine: Engine | None
    reasons: tuple[str, ...]
    confidence: Confidence
    track_record: TrackRecord | None
    way_back: str
    flip_distance_cents: int | None
    quarantined: bool = False
    held_from: date | None = None
    held_sessions: int = 0
    held_reduction: int | None = None
    held_limit_cents: int | None = None
    notes: tuple[str, ...] = ()
    large_loss_probability: float | None = None
    challenger_reduction: int | None = None
    override: Overridden | None = None

    @property
    def decided_reduction(self) -> int:
        """What was decided without anybody's override, in percent of the base limit."""
        return self.reduction if self.override is None else self.override.decided_reduction

    @property
    def decided_limit_cents(self) -> int:
        """The limit that was decided without anybody's override."""
        return self.limit_cents if self.override is None else self.override.decided_limit_cents


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn chart, as the mail carries it: what the page calls it, and the bytes of a PNG."""

    content_id: str
    png: bytes


@dataclass(frozen=True, slots=True)
class LivedReduction:
    """What was decided for a trader on a session whose mail left: a hold included, an override not."""

    trader_id: str
    session: date
    reduction: int
    limit_cents: int
    base_limit_cents: int
    rung: Rung


@dataclass(frozen=True, slots=True)
class Publication:
    """The choice of one morning: rung, verdict, why, and the cut-off the limits know."""

    session: date
    revision: int
    rung: Rung
    verdict: Verdict
    why: str
    cut_off: datetime
    code_version: str
    decisions: tuple[Decision, ...]

    @property
    def own_models(self) -> bool:
        """Whether a trader's own model tightened a limit, because the promoted pooled model failed."""
        return any(decision.engine is Engine.OWN_MODELS for decision in self.decisions)

    @property
    def rung_label(self) -> str:
        """Number and name of the rung: ``2 rules``, or ``2+T rules`` where own models tightened limits."""
        return f"{int(self.rung)}{'+T' if self.own_models else ''} {self.rung.label}"


@dataclass(frozen=True, slots=True)
class Run:
    """Who asks for a session and whether a mail may leave.

    `deliver` is what the run's Param asked for: ``True``, ``False`` or ``None`` for the default
    (scheduled and break-glass runs for today mail, everything else does not).
    """

    session: date
    run_type: RunType
    run_id: str
    deliver: bool | None = None
    revision: int = 0
