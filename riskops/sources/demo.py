"""The demo desk: fifteen invented traders whose trades are drawn from a seeded generator.

Volatility clusters and is partly shared, results have heavy tails, some traders enlarge their
size after losses, a few collect small gains against rare large losses, and direction cannot be
predicted. Base limits come first (from a pilot without stops), then the desk trades under them:
a trader stops at the trade that breaches the base limit, and the overshoot counts.

Every draw is keyed by (seed, session index, trader) and the state is walked from the first
session on. So a session has the same trades whether it is asked for alone or with all others,
and the desk goes on trading after the pinned session for as long as the calendar lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import itemgetter

import numpy as np

from riskops import config
from riskops.history import DeskHistory, TradePaths, TraderHistory
from riskops.records import Account, BaseLimit, RosterEntry, RosterState, Side, Trade, Trader
from riskops.sessions import FIRST_DATE, TradingCalendar, desk_time
from riskops.sources.source import Fetched

FIRST_SESSION = date(2023, 11, 2)
PINNED_SESSION = date(2026, 10, 30)  # the newest morning of the demonstration: data ends the session before
DEFAULT_SEED = 1

TRADERS = (
    ("3937", "Nora Lindqvist"),
    ("3938", "Samuel Okafor"),
    ("3939", "Claire Beaumont"),
    ("3940", "Viktor Hanák"),
    ("3941", "Priya Raman"),
    ("3942", "Daniel Mercer"),
    ("3943", "Sofia Castellano"),
    ("3944", "Marcus Whitfield"),
    ("3945", "Yuki Tanabe"),
    ("3946", "Elena Petrova"),
    ("3947", "Tom Aldridge"),
    ("3948", "Leila Farahani"),
    ("3949", "Jonas Reuter"),
    ("3950", "Grace Mbeki"),
    ("3951", "Owen Gallagher"),
)
DESK_SIZE = len(TRADERS)

# Symbols with the price in USD around which they move.
SYMBOLS = (
    ("SPY", 610.0),
    ("QQQ", 540.0),
    ("IWM", 225.0),
    ("AAPL", 235.0),
    ("MSFT", 450.0),
    ("NVDA", 150.0),
    ("AMD", 160.0),
    ("TSLA", 320.0),
    ("META", 620.0),
    ("AMZN", 215.0),
    ("BAC", 46.0),
    ("F", 12.0),
    ("XOM", 112.0),
    ("INTC", 28.0),
)
SYMBOLS_A_TRADER = 5
PRICE_PERSISTENCE = 0.99
PRICE_SHOCK = 0.012  # sd of a day's log move
INTRADAY_PRICE_SD = 0.006

# --- how the traders differ -----------------------------------------------------------------
SCALE_MEDIAN_USD = 1_800.0
SCALE_LOG_SD = 0.6
SCALE_RANGE_USD = (300.0, 6_000.0)
DEGREES_OF_FREEDOM = (3, 15)
MAX_SQUARED_LOADING = 0.10
ACTIVE_SHARE_BETA = (7.0, 2.0)
ENLARGING_SHARE = 0.35
PICKERS = (2, 3)
TRADES_A_DAY = 30.0
TRADES_LOG_SD = 0.25
MAX_CARRY_SHARE = 0.3  # of the mornings after an active session

# --- how a day comes about ------------------------------------------------------------------
VOL_PERSISTENCE = 0.94
VOL_LOG_SD = 0.38
VOL_SHARED = 0.25  # share of the log-volatility's variance that the desk has in common
TRADES_VOL_ELASTICITY = 0.4
JUMP_SHARE = 0.006
JUMP_MEAN = 4.0  # in sd of the day
PICKER_LOSS_SHARE = 0.03
PICKER_LOSS = (2.0, 1.0)  # least size and mean excess of a picker's large loss, in sd
PICKER_QUIET_SD = 0.85
ENLARGE_AFTER_LOSSES = 3
ENLARGED_SIZE = 1.35

# --- the planted signal ---------------------------------------------------------------------
STRONG_TILT = 2.0
TILT_STARTS = 0.10  # probability a session
TILT_STAYS = 0.30
TILT_DRIFT = -0.5  # of the session after a tilt, in sd, for strength 1; so is the next
TILT_VOLATILITY = 0.2
TILT_TRADES = 1.6  # times the usual number
TILT_SIZE_AFTER_LOSS = 2.0  # times the usual size

# --- base limits, trades --------------------------------------------------------------------
BASE_LIMIT_SDS = 2.5
CENTRAL_PERCENTILES = (2.5, 97.5)  # the robust sd is this range over its width for a normal
CENTRAL_WIDTH_SDS = 3.92
BASE_LIMIT_STEP_CENTS = 50_000
DEFAULT_BASE_WITHIN_CENTS = 100_000  # who is this close to the desk's default limit keeps the default
OPENS_AT = time(9, 30)
CLOSES_AT = time(16, 0)
HALF_DAY_CLOSES_AT = time(13, 0)
HOLDING_MEAN_SECONDS = 720.0
CARRY_OPENED_SECONDS = 3_600  # carried positions are opened in the last hour
TYPICAL_MOVE = 0.0035  # of the price, in a trade
LARGEST_TYPICAL_MOVES = 6.0  # an outsized result comes from an outsized position
LOT = 5
FEE_CENTS = 20.0
FEE_CENTS_A_SHARE = 0.7

_PROFILE, _DAY, _TRADES = 1, 2, 3  # what a random stream is for


@dataclass(frozen=True, eq=False)
class _Profiles:
    """What does not change about the traders; one entry a trader, `symbols` one row a trader."""

    scale_usd: np.ndarray
    freedom: np.ndarray
    loading: np.ndarray
    active_share: np.ndarray
    enlarges: np.ndarray
    picker: np.ndarray
    trades: np.ndarray
    carry_share: np.ndarray
    symbols: np.ndarray


@dataclass(eq=False)
class _State:
    """Where the desk stands before a session.

    Own and shared parts of log-volatility (each with the full sd), consecutive losing days,
    tilt, log deviation of the symbols' prices today and on the session before, and who may
    carry a position overnight.
    """

    own_vol: np.ndarray
    desk_vol: float
    losses: np.ndarray
    tilt: np.ndarray
    price: np.ndarray
    price_before: np.ndarray
    may_carry: np.ndarray

    def settle(self, active: np.ndarray, net: np.ndarray, stopped: np.ndarray) -> None:
        """Take in the results of a session (any money unit)."""
        streak = np.where(net < 0, self.losses + 1, 0)
        self.losses = np.where(active, streak, self.losses)
        self.may_carry = active & ~stopped


@dataclass(frozen=True, eq=False)
class _Plan:
    """What a session would bring each trader without any limit, in USD.

    `diffuse` comes about over the day with standard deviation `sd`; `lump` is one trade.
    `typical` is the sd of an average day at the present size, which sets quantities.
    """

    active: np.ndarray
    sd: np.ndarray
    typical: np.ndarray
    diffuse: np.ndarray
    lump: np.ndarray
    trades: np.ndarray
    tilt: np.ndarray
    may_carry: np.ndarray
    price: np.ndarray
    price_before: np.ndarray


@dataclass(frozen=True, eq=False)
class _TraderDay:
    """The closed trades of one trader on one session, in the order of their close.

    `opened` and `closed` are seconds after the opening of the session; the trade of a carried
    position counts from the opening of the session before. Prices and money in cents, `side` +-1.
    """

    symbol: np.ndarray
    side: np.ndarray
    quantity: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    gross: np.ndarray
    fees: np.ndarray
    carried: bool
    stopped: bool

    @property
    def net(self) -> np.ndarray:
        return self.gross - self.fees

    @property
    def notional(self) -> np.ndarray:
        return self.entry * self.quantity


class DemoDesk:
    """A source that invents the transactions of a desk.

    The default seed was picked among others so that the mail of `PINNED_SESSION` is worth
    reading: the rules cut some traders deeply, some moderately, and leave most alone.

    Parameters
    ----------
    seed
        Seed of every draw; another seed is another desk.
    calendar
        Sessions of the desk. Trading hours are New York's whatever the calendar.
    tilt
        How strongly traders fall into tilt: for a day or some they trade more and double up after
        losing trades, and on the session after each such day they lose on average. The rules
        see the losses, a model may see the behaviour before. `STRONG_TILT` is a signal for
        demonstrations of promotion; at 0 nobody falls into tilt.
    tilt_turns_at
        Index of the session from which on a tilt is followed by gains as large as the losses were.
    """

    name = "demo"
    tells_fills = False
    is_asked_again = False  # what it has told once it tells again
    first_session = FIRST_SESSION
    pinned_session = PINNED_SESSION

    def __init__(
        self,
        calendar: TradingCalendar,
        *,
        seed: int = DEFAULT_SEED,
        tilt: float = 0.0,
        tilt_turns_at: int | None = None,
    ) -> None:
        self._calendar = calendar
        self._seed = seed
        self._tilt = tilt
        self._tilt_turns_at = tilt_turns_at
        self._first = calendar.position(FIRST_SESSION)
        self._half_days = _half_days(calendar.name)
        self._profiles = _draw_profiles(seed)
        self._base_cents = self._pilot_base_limits()
        self._state = _start(seed)
        self._days: list[dict[int, _TraderDay]] = []

    def traders(self) -> tuple[Trader, ...]:
        """Return the traders of the desk."""
        return tuple(Trader(trader_id, name) for trader_id, name in TRADERS)

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts, one a trader."""
        return tuple(Account(f"A{trader_id}", trader_id, FIRST_SESSION) for trader_id, _ in TRADERS)

    def base_limits(self) -> tuple[BaseLimit, ...]:
        """Return the traders' base limits: 2.5 robust sd of the results they would have without stops."""
        return tuple(
            BaseLimit(trader_id, FIRST_SESSION, int(base))
            for (trader_id, _), base in zip(TRADERS, self._base_cents, strict=True)
        )

    def roster(self) -> tuple[RosterEntry, ...]:
        """Return the roster: everybody is active from the first session on."""
        return tuple(RosterEntry(trader_id, FIRST_SESSION, RosterState.ACTIVE) for trader_id, _ in TRADERS)

    def sessions(self) -> list[date]:
        """Return the sessions whose trades the pinned morning looks back on."""
        return self._calendar.between(FIRST_SESSION, self._calendar.previous(PINNED_SESSION))

    def fetch(
        self,
        accounts: Sequence[Account],
        sessions: Sequence[date],
        known_at: Callable[[date], datetime],
    ) -> Iterator[Fetched]:
        """Yield the trades of each session; see `riskops.sources.source.Source.fetch`.

        Accounts the desk does not have, and sessions before its first, are failures.

        Raises
        ------
        SessionError
            If a date is no session of the calendar.
        """
        asked = {account.account_id for account in accounts}
        for session in sorted(set(sessions)):
            yield self._fetched(session, asked, known_at(session))

    def history(self, sessions: int) -> tuple[DeskHistory, TradePaths]:
        """Return what the morning after the first so many sessions knows, without a risk database.

        No limit of RiskOps was ever in force: every day is assumed to have had the base limit.
        """
        self._trader_days(sessions - 1)
        days, position = self._days[:sessions], self._first + sessions
        desk = DeskHistory(
            position=position,
            session=self._calendar.session_at(position),
            traders=tuple(self._trader_history(number, days) for number in range(DESK_SIZE)),
            names=dict(TRADERS),
            base_limits={
                limit.trader_id: ((self._first, limit.base_limit_cents),) for limit in self.base_limits()
            },
            lived={},
            calendar=self._calendar,
        )
        return desk, _paths(self._first, days)

    def _trader_history(self, number: int, days: Sequence[dict[int, _TraderDay]]) -> TraderHistory:
        own = [(self._first + index, day[number]) for index, day in enumerate(days) if number in day]
        base = np.full(len(own), int(self._base_cents[number]))
        return TraderHistory(
            trader_id=TRADERS[number][0],
            day=np.array([position for position, _ in own], dtype=np.int64),
            net_cents=np.array([day.net.sum() for _, day in own], dtype=np.int64),
            base_cents=base,
            applied_cents=base,
            assumed=np.ones(len(own), dtype=bool),
            trades=np.array([len(day.net) for _, day in own], dtype=np.int64),
            volume_cents=np.array([day.notional.sum() for _, day in own], dtype=np.int64),
        )

    def _fetched(self, session: date, asked: set[str], known_at: datetime) -> Fetched:
        index = self._calendar.position(session) - self._first
        if index < 0:
            reason = f"the demo desk has traded since {FIRST_SESSION} only"
            return Fetched((), (), dict.fromkeys(sorted(asked), reason))
        own = [f"A{trader_id}" for trader_id, _ in TRADERS]
        wanted = [(number, account) for number, account in enumerate(own) if account in asked]
        days = self._trader_days(index)
        trades = (
            trade
            for number, account in wanted
            if number in days
            for trade in self._trades(days[number], account, session, known_at)
        )
        unknown = dict.fromkeys(sorted(asked.difference(own)), "the demo desk has no such account")
        return Fetched(tuple(trades), tuple((account, session) for _, account in wanted), unknown)

    def _trader_days(self, index: int) -> dict[int, _TraderDay]:
        while len(self._days) <= index:
            self._days.append(self._trade_session(len(self._days)))
        return self._days[index]

    def _trade_session(self, index: int) -> dict[int, _TraderDay]:
        """Let the desk trade its next session under the base limits."""
        turned = self._tilt_turns_at is not None and index >= self._tilt_turns_at
        plan = self._plan(self._state, index, -self._tilt if turned else self._tilt)
        session = self._calendar.session_at(self._first + index)
        hours = (self._seconds_open(self._calendar.previous(session)), self._seconds_open(session))
        days = {
            int(number): _trade(
                plan,
                self._profiles,
                int(number),
                int(self._base_cents[number]),
                hours,
                _stream(_TRADES, self._seed, index, int(number)),
            )
            for number in np.flatnonzero(plan.active)
        }
        net, stopped = np.zeros(DESK_SIZE), np.zeros(DESK_SIZE, dtype=bool)
        for number, day in days.items():
            net[number] = day.net.sum()
            stopped[number] = day.stopped
        self._state.settle(plan.active, net, stopped)
        return days

    def _pilot_base_limits(self) -> np.ndarray:
        """Return base limits in cents from a pilot of the same desk without stops."""
        state, days = _start(self._seed), len(self.sessions())
        results = np.full((days, DESK_SIZE), np.nan)
        for index in range(days):
            plan = self._plan(state, index, self._tilt)
            total = plan.diffuse + plan.lump
            results[index, plan.active] = total[plan.active]
            state.settle(plan.active, total, np.zeros(DESK_SIZE, dtype=bool))
        return _base_limits(results)

    def _plan(self, state: _State, index: int, tilt: float) -> _Plan:
        """Move the market part of `state` to session `index` and draw that day without limits."""
        rng = _stream(_DAY, self._seed, index)
        _move_market(state, rng)
        drawn = rng.random(DESK_SIZE)
        before = state.tilt
        state.tilt = (drawn < np.where(before, TILT_STAYS, TILT_STARTS)) & (tilt != 0)
        return _draw_day(state, self._profiles, rng, tilt * before)

    def _seconds_open(self, session: date) -> int:
        closes = HALF_DAY_CLOSES_AT if session in self._half_days else CLOSES_AT
        return int((desk_time(session, closes) - desk_time(session, OPENS_AT)).total_seconds())

    def _trades(self, day: _TraderDay, account: str, session: date, known_at: datetime) -> Iterator[Trade]:
        opening = desk_time(session, OPENS_AT)
        before = desk_time(self._calendar.previous(session), OPENS_AT)
        columns = (day.symbol, day.side, day.quantity, day.opened, day.closed)
        money = (day.entry, day.exit, day.gross, day.fees)
        rows = zip(*(column.tolist() for column in columns + money), strict=True)
        for number, row in enumerate(rows):
            symbol, side, quantity, opened, closed, entry, leave, gross, fees = row
            opened_from = before if day.carried and number == 0 else opening
            yield Trade(
                account_id=account,
                trade_id=f"{account}-{session:%Y%m%d}-{number + 1:04d}",
                symbol=SYMBOLS[symbol][0],
                side=Side.LONG if side > 0 else Side.SHORT,
                quantity=Decimal(quantity),
                opened_at=opened_from + timedelta(seconds=opened),
                closed_at=opening + timedelta(seconds=closed),
                entry_price=Decimal(entry).scaleb(-2),
                exit_price=Decimal(leave).scaleb(-2),
                gross_cents=gross,
                fees_cents=fees,
                net_cents=gross - fees,
                session=session,
                known_at=known_at,
            )


def _paths(first: int, days: Sequence[dict[int, _TraderDay]]) -> TradePaths:
    """Return the trades of sessions from the position `first` on, ordered by (trader, day, close)."""
    found = sorted(
        ((number, first + index, day) for index, own in enumerate(days) for number, day in own.items()),
        key=itemgetter(0, 1),
    )
    counts = [len(day.net) for _, _, day in found]
    return TradePaths(
        trader=np.repeat(np.array([number for number, _, _ in found], dtype=np.int64), counts),
        day=np.repeat(np.array([position for _, position, _ in found], dtype=np.int64), counts),
        net_cents=np.concatenate([day.net for _, _, day in found]),
        notional_cents=np.concatenate([day.notional for _, _, day in found]),
    )


def _stream(purpose: int, seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng((purpose, seed, *key))


def _half_days(calendar_name: str) -> frozenset[date]:
    """Return the sessions of a calendar that close early."""
    import exchange_calendars

    exchange = exchange_calendars.get_calendar(calendar_name, start=FIRST_DATE.isoformat())
    return frozenset(moment.date() for moment in exchange.early_closes)


def _draw_profiles(seed: int) -> _Profiles:
    rng, n = _stream(_PROFILE, seed), DESK_SIZE
    scale = SCALE_MEDIAN_USD * np.exp(SCALE_LOG_SD * rng.standard_normal(n))
    pickers = rng.permutation(n)[: rng.integers(PICKERS[0], PICKERS[1], endpoint=True)]
    return _Profiles(
        scale_usd=np.clip(scale, *SCALE_RANGE_USD),
        freedom=rng.integers(*DEGREES_OF_FREEDOM, size=n, endpoint=True).astype(float),
        loading=np.sqrt(rng.uniform(0, MAX_SQUARED_LOADING, n)),
        active_share=rng.beta(*ACTIVE_SHARE_BETA, n),
        enlarges=np.isin(np.arange(n), rng.permutation(n)[: round(ENLARGING_SHARE * n)]),
        picker=np.isin(np.arange(n), pickers),
        trades=TRADES_A_DAY * np.exp(TRADES_LOG_SD * rng.standard_normal(n)),
        carry_share=rng.uniform(0, MAX_CARRY_SHARE, n),
        symbols=np.array([rng.permutation(len(SYMBOLS))[:SYMBOLS_A_TRADER] for _ in range(n)]),
    )


def _start(seed: int) -> _State:
    """Return the state before the first session: volatility in its stationary distribution."""
    rng = _stream(_PROFILE, seed, DESK_SIZE)
    return _State(
        own_vol=VOL_LOG_SD * rng.standard_normal(DESK_SIZE),
        desk_vol=VOL_LOG_SD * float(rng.standard_normal()),
        losses=np.zeros(DESK_SIZE, dtype=np.int64),
        tilt=np.zeros(DESK_SIZE, dtype=bool),
        price=np.zeros(len(SYMBOLS)),
        price_before=np.zeros(len(SYMBOLS)),
        may_carry=np.zeros(DESK_SIZE, dtype=bool),
    )


def _move_market(state: _State, rng: np.random.Generator) -> None:
    shock = VOL_LOG_SD * np.sqrt(1 - VOL_PERSISTENCE**2)
    state.own_vol = VOL_PERSISTENCE * state.own_vol + shock * rng.standard_normal(DESK_SIZE)
    state.desk_vol = VOL_PERSISTENCE * state.desk_vol + shock * float(rng.standard_normal())
    moves = PRICE_SHOCK * rng.standard_normal(len(SYMBOLS))
    state.price_before, state.price = state.price, PRICE_PERSISTENCE * state.price + moves


def _draw_day(state: _State, who: _Profiles, rng: np.random.Generator, aftermath: np.ndarray) -> _Plan:
    """Draw a session without limits; `aftermath` is the strength of yesterday's tilt (0: none).

    Where it is negative the session gains.
    """
    log_vol = np.sqrt(VOL_SHARED) * state.desk_vol + np.sqrt(1 - VOL_SHARED) * state.own_vol
    enlarged = who.enlarges & (state.losses >= ENLARGE_AFTER_LOSSES)
    typical = who.scale_usd * np.where(enlarged, ENLARGED_SIZE, 1.0)
    day_sd = typical * np.exp(log_vol) * (1 + TILT_VOLATILITY * np.abs(aftermath))
    sd, drift = _diffuse_part(who, rng)
    factor, own = rng.standard_normal(), rng.standard_normal(DESK_SIZE)
    shock = who.loading * factor + np.sqrt(1 - who.loading**2) * own
    rate = who.trades * np.exp(TRADES_VOL_ELASTICITY * log_vol) * np.where(state.tilt, TILT_TRADES, 1.0)
    return _Plan(
        active=rng.random(DESK_SIZE) < who.active_share,
        sd=day_sd * sd,
        typical=typical,
        diffuse=day_sd * (sd * shock + drift + TILT_DRIFT * aftermath),
        lump=day_sd * _lump(who, rng),
        trades=np.maximum(1, rng.poisson(rate)),
        tilt=state.tilt,
        may_carry=state.may_carry & (rng.random(DESK_SIZE) < who.carry_share),
        price=state.price,
        price_before=state.price_before,
    )


def _diffuse_part(who: _Profiles, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return sd and mean of a day's diffuse part, in units of the day's volatility.

    The sd is itself drawn, which makes the result Student t with unit variance. A picker's mean
    pays for the large losses to come, so that nobody has an edge.
    """
    mixed = np.sqrt((who.freedom - 2) / rng.chisquare(who.freedom))
    premium = PICKER_LOSS_SHARE * sum(PICKER_LOSS)
    return np.where(who.picker, PICKER_QUIET_SD * mixed, mixed), np.where(who.picker, premium, 0.0)


def _lump(who: _Profiles, rng: np.random.Generator) -> np.ndarray:
    """Return the loss of a single trade, in units of the day's volatility (mostly 0)."""
    jump = (rng.random(DESK_SIZE) < JUMP_SHARE) * rng.exponential(JUMP_MEAN, DESK_SIZE)
    large = PICKER_LOSS[0] + rng.exponential(PICKER_LOSS[1], DESK_SIZE)
    picked = who.picker & (rng.random(DESK_SIZE) < PICKER_LOSS_SHARE)
    return -(jump + picked * large)


def _base_limits(results_usd: np.ndarray) -> np.ndarray:
    """Return base limits in cents from unstopped results, one row a session (NaN: idle)."""
    low, high = np.nanpercentile(results_usd, CENTRAL_PERCENTILES, axis=0)
    wanted = 100 * BASE_LIMIT_SDS * (high - low) / CENTRAL_WIDTH_SDS
    steps = np.maximum(1, np.rint(wanted / BASE_LIMIT_STEP_CENTS)).astype(np.int64)
    limits = steps * BASE_LIMIT_STEP_CENTS
    near = np.abs(limits - config.DEFAULT_BASE_LIMIT_CENTS) <= DEFAULT_BASE_WITHIN_CENTS
    return np.where(near, config.DEFAULT_BASE_LIMIT_CENTS, limits)


def _trade(
    plan: _Plan,
    who: _Profiles,
    number: int,
    base_cents: int,
    hours: tuple[int, int],
    rng: np.random.Generator,
) -> _TraderDay:
    """Spread the plan of one trader over trades, and stop at the one that breaches the base limit."""
    weight, target = _targets(plan, number, rng)
    carried = bool(plan.may_carry[number])
    symbol = rng.choice(who.symbols[number], len(target))
    price = _entry_prices(plan, symbol, carried, rng)
    after_loss = np.where(plan.tilt[number] & _follows_a_loss(target), TILT_SIZE_AFTER_LOSS, 1.0)
    quantity = _quantities(plan.typical[number] * weight, target, price, after_loss)
    opened, closed = _times(len(target), hours, carried, rng)
    side = rng.choice(np.array([-1, 1]), len(target))
    fees = np.ceil(FEE_CENTS + FEE_CENTS_A_SHARE * quantity).astype(np.int64)
    move = np.rint((100 * target + fees) / quantity).astype(np.int64)
    kept, stopped = _until_stopped(move * quantity - fees, base_cents)
    return _TraderDay(
        symbol=symbol[:kept],
        side=side[:kept],
        quantity=quantity[:kept],
        opened=opened[:kept],
        closed=closed[:kept],
        entry=price[:kept],
        exit=(price + side * move)[:kept],
        gross=(move * quantity)[:kept],
        fees=fees[:kept],
        carried=carried,
        stopped=stopped,
    )


def _targets(plan: _Plan, number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return relative sizes of the trades (squares sum to 1) and their intended results in USD.

    The results are independent normals with sd proportional to size, conditioned on their sum.
    """
    count = int(plan.trades[number])
    size = rng.gamma(4.0, size=count)
    weight = size / np.sqrt((size**2).sum())
    steps = plan.sd[number] * weight * rng.standard_normal(count)
    target = steps + weight**2 * (plan.diffuse[number] - steps.sum())
    target[rng.integers(count)] += plan.lump[number]
    return weight, target


def _entry_prices(plan: _Plan, symbol: np.ndarray, carried: bool, rng: np.random.Generator) -> np.ndarray:
    """Return entry prices in cents; the first trade may be entered on the session before."""
    usual = np.array([usd for _, usd in SYMBOLS])[symbol]
    level = plan.price[symbol]
    if carried:
        level[0] = plan.price_before[symbol[0]]
    noise = INTRADAY_PRICE_SD * rng.standard_normal(len(symbol))
    return np.rint(100 * usual * np.exp(level + noise)).astype(np.int64)


def _follows_a_loss(target: np.ndarray) -> np.ndarray:
    return np.concatenate([[False], target[:-1] < 0])


def _quantities(
    risk_usd: np.ndarray, target: np.ndarray, price_cents: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """Return shares, so that results follow from plausible moves of the price."""
    outsized = np.maximum(1.0, np.abs(target) / (LARGEST_TYPICAL_MOVES * risk_usd))
    shares = 100 * risk_usd * factor * outsized / (TYPICAL_MOVE * price_cents)
    return (LOT * np.maximum(1, np.rint(shares / LOT))).astype(np.int64)


def _times(
    count: int, hours: tuple[int, int], carried: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return openings and closes in seconds after the session's opening, closes ascending.

    `hours` are the lengths of the session before and of this one, in seconds.
    """
    closed = np.sort(rng.integers(30, hours[1] - 1, count))
    held = np.ceil(rng.exponential(HOLDING_MEAN_SECONDS, count)).astype(np.int64)
    opened = np.maximum(0, closed - held)
    if carried:
        opened[0] = hours[0] - rng.integers(1, CARRY_OPENED_SECONDS)
    return opened, closed


def _until_stopped(net_cents: np.ndarray, base_cents: int) -> tuple[int, bool]:
    """Return how many trades happen, the breaching one included, and whether the limit was hit."""
    hit = np.flatnonzero(np.cumsum(net_cents) <= -base_cents)
    return (int(hit[0]) + 1, True) if len(hit) else (len(net_cents), False)
