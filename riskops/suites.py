"""What sound data look like: the suites of checks over the slices of one night.

A suite is a frame of rows with the expectations each of them has to meet. Everything here is
plain data; `riskops.quality` hands it to the library that carries the checks out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from riskops import config
from riskops.money import dollars
from riskops.records import Severity, Side
from riskops.sessions import DESK_ZONE

if TYPE_CHECKING:
    import pandas as pd

MAD_TO_SD = 1.4826


@dataclass(frozen=True, eq=False)
class Slices:
    """The rows the checks look at, known at the cut-off of one session.

    Attributes
    ----------
    trades
        The night's trades with their trader (missing where the roster knows no owner).
    accounts
        The accounts of the traders who get a limit: due, covered, when it arrived if that was after
        the cut-off, last covered and active session.
    session_counts
        Trades of the desk on each of the covered sessions before the night's.
    account_days
        Daily results by account over the same sessions and the night's.
    trade_totals
        Sums of trades by account over the last few sessions.
    coverage_gaps
        Accounts and earlier sessions they were not fetched for although the desk was, and when
        these arrived if that was after the cut-off.
    loads
        The files of the night with accepted and rejected rows.
    doubted_days
        The recent results that the broker's summary and its fills do not agree on.
    corrected_days
        The results that have become others since the last morning.
    """

    trades: pd.DataFrame
    accounts: pd.DataFrame
    session_counts: pd.DataFrame
    account_days: pd.DataFrame
    trade_totals: pd.DataFrame
    coverage_gaps: pd.DataFrame
    loads: pd.DataFrame
    doubted_days: pd.DataFrame
    corrected_days: pd.DataFrame


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "trades": (
        *("account_id", "trade_id", "trader_id", "currency", "session", "symbol", "side", "quantity"),
        *("opened_at", "closed_at", "entry_price", "exit_price", "net_cents", "gross_less_fees_cents"),
    ),
    "accounts": (
        *("trader_id", "account_id", "is_due", "is_covered", "arrived_at"),
        *("last_covered", "last_active"),
    ),
    "session_counts": ("session", "trades"),
    "account_days": ("account_id", "trader_id", "session", "net_cents", "trades", "is_realised"),
    "trade_totals": ("account_id", "trader_id", "session", "net_cents", "trades"),
    "coverage_gaps": ("account_id", "trader_id", "session", "arrived_at"),
    "loads": ("file_name", "accepted", "rejected"),
    "doubted_days": ("account_id", "trader_id", "session", "net_cents", "other_net_cents"),
    "corrected_days": ("account_id", "trader_id", "session", "net_cents", "net_cents_before"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: its name in the library, its arguments, and what a failure means.

    A failure of a check `by_trader` concerns the traders of the offending rows, each alone. Where
    `critical_share` is set, a warning becomes critical from `critical_rows` offending rows on
    when they are more than that share of the rows (of the trader's rows, if `by_trader`).
    """

    name: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity
    meaning: str
    by_trader: bool = False
    critical_rows: int = 0
    critical_share: float | None = None


@dataclass(frozen=True, eq=False)
class Suite:
    """Checks of one frame of `rows`; its column `label` names a row, `trader_id` whom it concerns."""

    name: str
    frame: pd.DataFrame
    checks: tuple[Check, ...]
    rows: str


def column_suite(slices: Slices) -> Suite:
    """Return the check that the slices have their columns: without them no other check can run."""
    import pandas as pd

    names = [(name, column) for name, columns in COLUMNS.items() for column in columns]
    frame = pd.DataFrame(
        {
            "label": [f"{column} of {name}" for name, column in names],
            "is_there": [column in getattr(slices, name).columns for name, column in names],
        }
    )
    check = Check(
        "columns_present",
        "ExpectColumnValuesToBeInSet",
        {"column": "is_there", "value_set": [True]},
        Severity.CRITICAL,
        "Columns are missing; migrate the database",
    )
    return Suite("columns", frame, (check,), "columns")


def content_suites(
    slices: Slices, session: date, previous_session: date, cut_off: datetime
) -> tuple[Suite, ...]:
    """Return the checks of what is in the slices.

    Parameters
    ----------
    session
        The session the limits are for.
    previous_session
        The one before it, whose trades are the night's.
    cut_off
        Nothing can have happened after it.
    """
    return (
        _coverage(slices.accounts, session, previous_session),
        _gaps(slices.coverage_gaps, session),
        _trades(slices, cut_off),
        _reconciliation(slices, previous_session),
        _outliers(slices.account_days, previous_session),
        _idleness(slices, previous_session),
        _doubts(slices.doubted_days),
        _corrections(slices.corrected_days),
        _loads(slices.loads),
    )


# --- coverage -----------------------------------------------------------------------------


def _coverage(accounts: pd.DataFrame, session: date, previous: date) -> Suite:
    """Freshness is coverage: the source confirms every account through the previous session."""
    frame = accounts.assign(
        label=[_coverage_label(row, session) for row in accounts.itertuples()],
        is_missing=(accounts["is_due"] == 1) & (accounts["is_covered"] == 0),
    )
    checks = (*_somebody(session, previous, accounts["arrived_at"].min()), *_everybody(previous))
    return Suite("coverage", frame, checks, "accounts")


def _somebody(session: date, previous: date, arrived_at: datetime) -> tuple[Check, ...]:
    """Return the checks whose failure leaves nothing to decide on.

    `arrived_at` is when the first account arrived after the cut-off; NaT where none did.
    """
    late = f"; the first {_late(arrived_at, session)}" if _is_moment(arrived_at) else ""
    return (
        Check(
            "roster_not_empty",
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1},
            Severity.CRITICAL,
            f"No trader is active on {session}; enrol the desk",
        ),
        Check(
            "desk_covered",
            "ExpectColumnSumToBeBetween",
            {"column": "is_covered", "min_value": 1},
            Severity.CRITICAL,
            f"No account was fetched in time for {previous}, which the limits of {session} need{late}",
        ),
    )


def _everybody(previous: date) -> tuple[Check, ...]:
    return (
        Check(
            "trader_has_account",
            "ExpectColumnValuesToNotBeNull",
            {"column": "account_id"},
            Severity.CRITICAL,
            "No account is in effect, so that no result can be seen; enrol one",
            by_trader=True,
        ),
        Check(
            "account_covered",
            "ExpectColumnValuesToBeInSet",
            {"column": "is_missing", "value_set": [False]},
            Severity.CRITICAL,
            f"Not fetched in time for {previous}, so that a loss may be missing",
            by_trader=True,
        ),
    )


def _coverage_label(row: Any, session: date) -> str:
    account = row.account_id if isinstance(row.account_id, str) else "none"
    if _is_moment(row.arrived_at):
        return f"account {account} ({_late(row.arrived_at, session)})"
    last = row.last_covered if isinstance(row.last_covered, date) else "never"
    return f"account {account} (last fetched for: {last})"


def _is_moment(value: object) -> bool:
    """Say whether a cell of moments is filled: an empty one is NaT, a moment unequal to itself."""
    return isinstance(value, datetime) and value == value


def _late(arrived_at: datetime, session: date) -> str:
    """Say when data arrived that came after the cut-off of `session`; the day only if another."""
    local = arrived_at.astimezone(DESK_ZONE)
    moment = f"{local:%H:%M}" if local.date() == session else f"{local:%Y-%m-%d %H:%M}"
    return f"arrived {moment} New York, after the cut-off"


def _gaps(gaps: pd.DataFrame, session: date) -> Suite:
    """Days never fetched would hide losses from the rules that look a week back."""
    arrived = zip(_account_sessions(gaps), gaps["arrived_at"], strict=True)
    label = [f"{where} ({_late(at, session)})" if _is_moment(at) else where for where, at in arrived]
    frame = gaps.assign(label=label, is_gap=True)
    check = Check(
        "coverage_without_gaps",
        "ExpectColumnValuesToBeInSet",
        {"column": "is_gap", "value_set": [False]},
        Severity.CRITICAL,
        "Not fetched in time for an earlier session, so that a loss may be missing",
        by_trader=True,
    )
    return Suite("gaps", frame, (check,), "sessions")


# --- the night's trades -------------------------------------------------------------------


def _trades(slices: Slices, cut_off: datetime) -> Suite:
    trades = slices.trades
    label = "trade " + trades["trade_id"].astype(str) + " of account " + trades["account_id"].astype(str)
    checks = (
        _row_count(slices.session_counts, len(trades)),
        *_given_values(),
        *_identity(),
        *_plausible_values(),
        *_consistent_values(cut_off),
    )
    return Suite("trades", trades.assign(label=label), checks, "trades")


def _row_count(counts: pd.DataFrame, seen: int) -> Check:
    low, high = row_count_band(counts["trades"].to_numpy(dtype=float))
    usual = f"{low:,} or more" if high is None else f"{low:,} to {high:,}"
    return Check(
        "trades_row_count",
        "ExpectTableRowCountToBeBetween",
        {"min_value": low, "max_value": high},
        Severity.WARNING,
        f"An unusual number of trades for the desk: {seen:,}, usual are {usual}",
    )


def row_count_band(counts: np.ndarray) -> tuple[int, int | None]:
    """Return the usual range of a night's trade count, from the counts of earlier sessions.

    Counts vary by factors, so the band is the median of log(1 + trades) plus and minus
    `ROW_COUNT_BAND_SDS` robust standard deviations, and at least `ROW_COUNT_MIN_WIDTH` trades
    to either side: few trades vary by more than that. No trade at all is never usual. With fewer
    than `ROW_COUNT_MIN_SESSIONS` counts there is no upper end.
    """
    if len(counts) < config.ROW_COUNT_MIN_SESSIONS:
        return 1, None
    logs = np.log1p(counts)
    middle = float(np.median(logs))
    sd = max(MAD_TO_SD * float(np.median(np.abs(logs - middle))), config.ROW_COUNT_MIN_SD)
    low, high = np.expm1(middle + config.ROW_COUNT_BAND_SDS * np.array([-sd, sd]))
    least, most = np.expm1(middle) + config.ROW_COUNT_MIN_WIDTH * np.array([-1, 1])
    return max(1, int(np.floor(min(low, least)))), int(np.ceil(max(high, most)))


def _given_values() -> tuple[Check, ...]:
    columns = {
        "account_id": "account",
        "trade_id": "id",
        "symbol": "symbol",
        "closed_at": "closing time",
        "net_cents": "net result",
    }
    return tuple(
        _of_a_trade(
            f"{column}_given", "ExpectColumnValuesToNotBeNull", {"column": column}, f"Trade without {word}"
        )
        for column, word in columns.items()
    )


def _identity() -> tuple[Check, ...]:
    twins = ("account_id", "symbol", "closed_at", "quantity", "side", "net_cents")
    return (
        _of_a_trade(
            "trade_id_unique",
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": ["account_id", "trade_id"]},
            "A trade id occurs twice, or two periods of its account overlap in the roster",
        ),
        Check(
            "duplicate_load",
            "ExpectCompoundColumnsToBeUnique",
            {"column_list": list(twins)},
            Severity.WARNING,
            "Trades alike in everything but the id; see whether a file was loaded twice",
            by_trader=True,
            critical_rows=config.DUPLICATE_CRITICAL_ROWS,
            critical_share=config.DUPLICATE_CRITICAL_SHARE,
        ),
        Check(
            "account_known",
            "ExpectColumnValuesToNotBeNull",
            {"column": "trader_id"},
            Severity.WARNING,
            "Trades of an account that no trader owns; enrol it",
            critical_rows=config.UNKNOWN_ACCOUNT_CRITICAL_ROWS,
            critical_share=config.UNKNOWN_ACCOUNT_CRITICAL_SHARE,
        ),
    )


def _plausible_values() -> tuple[Check, ...]:
    sides = {"column": "side", "value_set": [side.value for side in Side]}
    currencies = {"column": "currency", "value_set": list(config.SUPPORTED_CURRENCIES)}
    only = f"Not in {' or '.join(config.SUPPORTED_CURRENCIES)}, and there is no rate"
    return (
        _of_a_trade("side_known", "ExpectColumnValuesToBeInSet", sides, "Neither long nor short"),
        _of_a_trade("currency_supported", "ExpectColumnValuesToBeInSet", currencies, only),
        *(
            _of_a_trade(
                f"{column}_positive",
                "ExpectColumnValuesToBeBetween",
                {"column": column, "min_value": 0, "strict_min": True},
                f"{column.capitalize().replace('_', ' ')} is not above zero",
            )
            for column in ("quantity", "entry_price", "exit_price")
        ),
    )


def _consistent_values(cut_off: datetime) -> tuple[Check, ...]:
    return (
        _of_a_trade(
            "closed_after_opened",
            "ExpectColumnPairValuesAToBeGreaterThanB",
            {
                "column_A": "closed_at",
                "column_B": "opened_at",
                "or_equal": True,
                "ignore_row_if": "either_value_is_missing",
            },
            "Closed before it was opened",
        ),
        _of_a_trade(
            "net_is_gross_less_fees",
            "ExpectColumnPairValuesToBeEqual",
            {"column_A": "net_cents", "column_B": "gross_less_fees_cents"},
            "Net is not gross less fees",
        ),
        _of_a_trade(
            "closed_by_cut_off",
            "ExpectColumnValuesToBeBetween",
            {"column": "closed_at", "max_value": cut_off},
            f"Closed after the cut-off of {cut_off:%Y-%m-%d %H:%M %Z}",
        ),
    )


def _of_a_trade(name: str, expectation: str, arguments: Mapping[str, Any], meaning: str) -> Check:
    """Return a check whose failure makes a trade, and so its trader's result, not worth trusting."""
    return Check(name, expectation, arguments, Severity.CRITICAL, meaning, by_trader=True)


# --- daily results ------------------------------------------------------------------------


def _reconciliation(slices: Slices, previous: date) -> Suite:
    """Return the checks of daily results against the trades they are made of, to the cent."""
    keys = ["account_id", "trader_id", "session"]
    days = slices.account_days
    first = _first_reconciled(slices.session_counts, previous)
    recent = days[(days["session"] >= first) & (days["is_realised"] == 1)]
    others = days[days["is_realised"] == 0][keys]
    sums = slices.trade_totals
    sums = sums[(sums["session"] >= first) & ~_among(sums[keys], others)]
    frame = recent.merge(sums, on=keys, how="outer", suffixes=("", "_summed"))
    amounts = ["net_cents", "trades", "net_cents_summed", "trades_summed"]
    frame = frame.assign(**{c: frame[c].fillna(0) for c in amounts})
    frame = frame.assign(label=_recorded_and_found(frame))
    checks = tuple(_agrees(c) for c in ("net_cents", "trades"))
    return Suite("daily results", frame, checks, "daily results")


def _first_reconciled(counts: pd.DataFrame, previous: date) -> date:
    earlier = list(counts["session"])[-(config.RECONCILED_SESSIONS - 1) :]
    return min([*earlier, previous])


def _recorded_and_found(frame: pd.DataFrame) -> list[str]:
    """Name each daily result with what was recorded and what its trades sum to."""
    amounts = frame[["net_cents", "trades", "net_cents_summed", "trades_summed"]].to_numpy(dtype=np.int64)
    return [
        f"{label} (recorded {dollars(net)} in {trades} trades, found {dollars(net_found)} in {trades_found})"
        for label, (net, trades, net_found, trades_found) in zip(
            _account_sessions(frame), amounts.tolist(), strict=True
        )
    ]


def _among(rows: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    known = set(others.itertuples(index=False, name=None))
    return np.array([row in known for row in rows.itertuples(index=False, name=None)], dtype=bool)


def _agrees(column: str) -> Check:
    return Check(
        f"daily_{column}_match_trades",
        "ExpectColumnPairValuesToBeEqual",
        {"column_A": column, "column_B": f"{column}_summed"},
        Severity.CRITICAL,
        "The daily result is not the sum of its trades; load the session again",
        by_trader=True,
    )


def _outliers(days: pd.DataFrame, previous: date) -> Suite:
    """Return the check of the night's results against each account's own past."""
    frame = days[days["session"] == previous]
    past = days[days["session"] < previous].groupby("account_id")["net_cents"]
    results = {account: group.to_numpy(dtype=float) for account, group in past}
    distance = [
        robust_distance(float(row.net_cents), results.get(row.account_id, np.empty(0)))
        for row in frame.itertuples()
    ]
    amounts = zip(frame["net_cents"], _account_sessions(frame), strict=True)
    label = [f"{dollars(int(net))} in {where}" for net, where in amounts]
    frame = frame.assign(label=label, robust_sds=np.array(distance, dtype=float))
    check = Check(
        "result_usual",
        "ExpectColumnValuesToBeBetween",
        {
            "column": "robust_sds",
            "min_value": -config.OUTLIER_ROBUST_SDS,
            "max_value": config.OUTLIER_ROBUST_SDS,
        },
        Severity.WARNING,
        f"A result more than {config.OUTLIER_ROBUST_SDS:g} usual spreads from the account's median; "
        "compare it with the broker's statement",
        by_trader=True,
    )
    return Suite("results", frame, (check,), "results")


def robust_distance(result: float, past: np.ndarray) -> float:
    """Return how many robust standard deviations (1.4826 MAD) `result` lies from the median of `past`.

    NaN, no judgement, where `past` has fewer than `OUTLIER_MIN_DAYS` days or no spread.
    """
    if len(past) < config.OUTLIER_MIN_DAYS:
        return float("nan")
    middle = float(np.median(past))
    sd = MAD_TO_SD * float(np.median(np.abs(past - middle)))
    return (result - middle) / sd if sd > 0 else float("nan")


def _idleness(slices: Slices, previous: date) -> Suite:
    """Return the check that traders who are active nearly every session were so again."""
    frame = _normally_active(slices)
    frame = frame.assign(
        label=[f"last active {day}" for day in frame["last_active"]],
        is_idle=[day != previous for day in frame["last_active"]],
    )
    check = Check(
        "normally_active",
        "ExpectColumnValuesToBeInSet",
        {"column": "is_idle", "value_set": [False]},
        Severity.WARNING,
        "No trade in the night, although active on nearly every session; see whether an account is missing",
        by_trader=True,
    )
    return Suite("activity", frame, (check,), "traders")


def _normally_active(slices: Slices) -> pd.DataFrame:
    """Return the fully covered traders (last active session) who trade on nearly every session."""
    sessions = list(slices.session_counts["session"])[-config.NORMALLY_ACTIVE_SESSIONS :]
    days = slices.account_days
    active = days[days["session"].isin(sessions)].groupby("trader_id")["session"].nunique()
    needed = config.NORMALLY_ACTIVE_SHARE * config.NORMALLY_ACTIVE_SESSIONS
    accounts = slices.accounts
    uncovered = accounts.loc[accounts["is_covered"] == 0, "trader_id"]
    last = days.groupby("trader_id", as_index=False)["session"].max()
    last = last.rename(columns={"session": "last_active"})
    watched = set(active[active >= needed].index) & set(accounts["trader_id"]) - set(uncovered)
    return last[last["trader_id"].isin(watched)].reset_index(drop=True)


def _doubts(days: pd.DataFrame) -> Suite:
    """Return the check of the broker's summaries against what the broker's fills make."""
    return _nothing_among(
        "doubts",
        days,
        days["other_net_cents"],
        "summary {}, fills {}",
        "broker_agrees",
        "The broker's summary and its fills make different results, limits are computed under both and the "
        "tighter one holds; ask the back office",
        Severity.WARNING,
    )


def _corrections(days: pd.DataFrame) -> Suite:
    """Return the check that no result has become another one since the last morning."""
    return _nothing_among(
        "corrections",
        days,
        days["net_cents_before"],
        "now {}, was {}",
        "results_stand",
        "A result was corrected since the last morning; earlier limits stand as they were decided",
        Severity.INFO,
    )


def _nothing_among(
    name: str,
    days: pd.DataFrame,
    others: pd.Series,
    words: str,
    check: str,
    meaning: str,
    severity: Severity,
) -> Suite:
    """Return a suite in which every row is a result to be told with another one beside it."""
    amounts = zip(_account_sessions(days), days["net_cents"], others, strict=True)
    label = [
        f"{where} ({words.format(dollars(int(net)), dollars(int(other)))})" for where, net, other in amounts
    ]
    expectation = Check(
        check,
        "ExpectColumnValuesToBeInSet",
        {"column": "is_told", "value_set": [False]},
        severity,
        meaning,
        by_trader=True,
    )
    return Suite(name, days.assign(label=label, is_told=True), (expectation,), "results")


# --- files --------------------------------------------------------------------------------


def _loads(loads: pd.DataFrame) -> Suite:
    rows = np.maximum(loads["accepted"] + loads["rejected"], 1)
    counts = zip(loads["file_name"], loads["rejected"], rows, strict=True)
    label = [f"{name} ({rejected} of {total} rows)" for name, rejected, total in counts]
    frame = loads.assign(label=label, rejected_share=loads["rejected"] / rows)
    checks = (
        Check(
            "rows_rejected",
            "ExpectColumnValuesToBeBetween",
            {"column": "rejected", "max_value": 0},
            Severity.WARNING,
            "Rows of a file were set aside; see them with `riskops rejected`",
        ),
        Check(
            "rejected_share",
            "ExpectColumnValuesToBeBetween",
            {"column": "rejected_share", "max_value": config.REJECTED_CRITICAL_SHARE},
            Severity.CRITICAL,
            f"More than {config.REJECTED_CRITICAL_SHARE:.0%} of a file could not be read and was set aside",
        ),
    )
    return Suite("files", frame, checks, "files")


def _account_sessions(frame: pd.DataFrame) -> list[str]:
    pairs = zip(frame["account_id"], frame["session"], strict=True)
    return [f"account {account} on {session}" for account, session in pairs]
