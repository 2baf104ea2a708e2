"""The mails whose looks are tested: every kept morning, and the desks that are hardest to fit."""

from __future__ import annotations

from dataclasses import replace

from riskops.records import Rung
from riskops.report.charts import Day
from riskops.report.content import Background, Content, content
from tests.golden.mornings import (
    MORNINGS,
    background,
    check,
    comparison,
    decision,
    held,
    publication,
    recent,
    scores,
    seed_desk,
)

SCRIPT = '<script>alert("x")</script>'


def desk_of(count: int, reduction: int) -> tuple:
    """Return so many traders, each fully explained where he is cut."""
    severe = replace(seed_desk()[0], reduction=reduction, limit_cents=500_000 - 5_000 * reduction)
    free = decision(reduction=0, flip_distance_cents=90_000)
    numbers = range(4000, 4000 + count)
    made = severe if reduction else free
    return tuple(replace(made, trader_id=str(n), name=f"Trader {n}") for n in numbers)


def told_of(desk: tuple) -> Background:
    """Return signals and results of a whole desk."""
    fired = background().signals["3942"]
    ids = [made.trader_id for made in desk]
    days: dict[str, tuple[Day, ...]] = {key: recent(str(n), (-1_200,)) for n, key in enumerate(ids)}
    return Background(signals=dict.fromkeys(ids, fired), recent=days)


def sixty(reduction: int) -> Content:
    """Return the mail of sixty traders with the same cut."""
    desk = desk_of(60, reduction)
    return content(publication(desk), comparison(), [check()], scores(), 0.3, background=told_of(desk))


def named_script() -> Content:
    """Return a mail in which every name is a script."""
    desk = tuple(
        replace(made, trader_id=f"{SCRIPT}{n}", name=f"{SCRIPT} {n}") for n, made in enumerate(seed_desk())
    )
    return content(publication(desk), comparison(), [check()], (), 0.31, background=told_of(desk))


def long_names() -> Content:
    """Return a mail whose names are as long as they may be, without a space."""
    desk = tuple(
        replace(made, trader_id="9" * 63 + str(n), name="W" * 80) for n, made in enumerate(seed_desk())
    )
    return content(publication(desk), comparison(), [check()], (), 0.31, background=told_of(desk))


def sixty_on_the_floor() -> Content:
    """Return the mail of a desk of sixty on rung 4."""
    desk = tuple(
        held(str(n), 50, rung=Rung.FLOOR, held_from=None, held_sessions=0, reasons=("Floor of 50%",))
        for n in range(4000, 4060)
    )
    return content(publication(desk, rung=Rung.FLOOR, why="the ingest failed"), None, [], (), None)


MAILS = {
    **MORNINGS,
    "sixty, none restricted": lambda: sixty(0),
    "sixty, all restricted": lambda: sixty(80),
    "sixty on the floor": sixty_on_the_floor,
    "named like a script": named_script,
    "long names": long_names,
    "no trader": lambda: content(publication(()), None, [check()], (), None),
}
