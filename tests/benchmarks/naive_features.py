"""The features once more, as one writes them in pandas: groupby.apply with rolling.apply.

One row an active day: what is known after it, so it belongs to the next row of the product.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskops.history import DeskHistory, TradePaths

DECAY = 0.5 ** (1 / 10)
PRIOR_SCALE = 140_000.0


def frames(desk: DeskHistory, paths: TradePaths) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the desk's days and trades as one has them in pandas."""
    days = pd.concat(
        pd.DataFrame(
            {
                "trader": index,
                "day": history.day,
                "net": history.net_cents,
                "base": history.base_cents,
                "trades": history.trades,
                "volume": history.volume_cents / 100,
            }
        )
        for index, history in enumerate(desk.traders)
    )
    trades = pd.DataFrame(
        {"trader": paths.trader, "day": paths.day, "net": paths.net_cents, "size": paths.notional_cents}
    )
    return days.reset_index(drop=True), trades


def features(days: pd.DataFrame, trades: pd.DataFrame, session: int) -> pd.DataFrame:
    """Return the features known after every active day."""
    days = days.copy()
    days["next"] = days.groupby("trader")["day"].shift(-1, fill_value=session)
    for column, position in (("pool", "next"), ("pool_before", "day")):
        days[column] = _known_before(_pool(days), days[position]).fillna(PRIOR_SCALE)
    days = days.join(_sizes(trades), on=["trader", "day"]).fillna(0)
    own = days.groupby("trader", group_keys=False)[days.columns.tolist()].apply(_of_trader)
    scale_before = own.groupby(days["trader"])["scale"].shift().fillna(_first_scale(days))
    desk = _desk(days, (days["net"] / scale_before).clip(-8, 8))
    for column in desk:
        own[column] = _known_before(desk[column], days["next"])
    return own.drop(columns="scale").clip(-8, 8)


def _first_scale(days: pd.DataFrame) -> pd.Series:
    return np.maximum(days["pool_before"], 0.01 * days["base"])


def _desk(days: pd.DataFrame, unit: pd.Series) -> pd.DataFrame:
    loss, sessions = days["net"] < -0.01 * days["base"], days["day"]
    return pd.DataFrame(
        {
            "desk_losers": loss.groupby(sessions).mean(),
            "desk_result": unit.groupby(sessions).mean(),
            "desk_spread": unit.groupby(sessions).std(ddof=0),
        }
    )


def _pool(days: pd.DataFrame) -> pd.Series:
    ordered = days.sort_values("day", kind="stable")
    scale = _interquartile(ordered["net"])
    return scale.groupby(ordered["day"]).last().replace(0.0, PRIOR_SCALE)


def _known_before(table: pd.Series, position: pd.Series) -> pd.Series:
    at = np.searchsorted(table.index, position)
    return pd.Series(np.append(np.nan, table.to_numpy())[at], index=position.index)


def _interquartile(net: pd.Series) -> pd.Series:
    seen = net.expanding()
    return (seen.quantile(0.75) - seen.quantile(0.25)) / 1.349


def _sizes(trades: pd.DataFrame) -> pd.DataFrame:
    before = trades.groupby(["trader", "day"])["net"].shift()
    keys = [trades["trader"], trades["day"]]
    columns = {}
    for name, chosen in (("losing", before < 0), ("winning", before > 0)):
        columns[f"after_{name}"] = chosen.groupby(keys).sum()
        columns[f"size_after_{name}"] = trades["size"].where(chosen, 0).groupby(keys).sum()
    return pd.DataFrame(columns)


def _rolled(values: pd.Series, window: int, function) -> pd.Series:
    return values.astype(float).rolling(window, min_periods=1).apply(function, raw=True)


def _of_trader(days: pd.DataFrame) -> pd.DataFrame:
    net, base = days["net"], days["base"]
    count = np.arange(1, len(days) + 1)
    scale = np.maximum((count * _interquartile(net) + 20 * days["pool"]) / (count + 20), 0.01 * base)
    peak = _rolled(net, 20, lambda w: max(0.0, np.cumsum(w).max()))
    loss = (-net).clip(lower=0)
    usual = _rolled(loss, 60, np.mean).shift(5)
    ratio = _rolled(loss, 5, np.mean) / usual
    first = float(_first_scale(days).iloc[0])
    volatility = _volatility(net, first)
    usual_volatility = _rolled(volatility.shift(fill_value=first), 60, np.median)
    return pd.DataFrame(
        {
            "last_result": net / scale,
            "last_5_results": _rolled(net, 5, np.sum) / scale,
            "loss_streak": _streak(net, base),
            "drawdown_20": (peak - _rolled(net, 20, np.sum)) / (20 * base + peak),
            "volatility_level": np.log(volatility / usual_volatility),
            "downside_ratio": ratio.where((count >= 25) & (usual > 0), 1.0),
            "losing_share_20": _rolled(net < -0.01 * base, 20, np.mean),
            "large_loss_5": _rolled(net <= -0.4 * base, 5, np.sum),
            "trades": _against_usual(days["trades"]),
            "volume": _against_usual(days["volume"]),
            "tilt": _tilt(days),
            "idle_sessions": np.log1p(days["next"] - days["day"] - 1),
            "scale": scale,
        }
    )


def _volatility(net: pd.Series, first: float) -> pd.Series:
    squares = pd.Series(np.append(first, net) ** 2)
    variance = squares.ewm(alpha=1 - DECAY, adjust=False).mean()
    return pd.Series(np.sqrt(variance.to_numpy()[1:]), index=net.index)


def _streak(net: pd.Series, base: pd.Series) -> pd.Series:
    losses = (net < -0.01 * base).cumsum()
    return losses - losses.where(net > 0.01 * base).ffill().fillna(0)


def _against_usual(values: pd.Series) -> pd.Series:
    return np.log((values + 1) / (_rolled(values, 20, np.median) + 1))


def _tilt(days: pd.DataFrame) -> pd.Series:
    counts = [_rolled(days[f"after_{name}"], 20, np.sum) for name in ("losing", "winning")]
    sizes = [_rolled(days[f"size_after_{name}"], 20, np.sum) for name in ("losing", "winning")]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (sizes[0] / counts[0]) / (sizes[1] / counts[1])
        return np.log(ratio.where((counts[0] >= 10) & (counts[1] >= 10), 1.0))
