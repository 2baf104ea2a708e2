"""The pictures of the readers' pages: the demo desk's mail, and its page in Airflow, as somebody sees them.

``python -m tests.screenshots docs/pictures`` leaves them anew. The demo desk lives the morning of
``make run`` once more in a folder of its own, at that morning's own time, so that nothing on the
pictures depends on when they are taken.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path

from PIL import Image

from riskops.desk import Desk
from riskops.desk_page import pages
from riskops.desk_page.kept import Kept
from riskops.desk_page.parts import Reader
from riskops.pipeline.acknowledge import acknowledge
from riskops.pipeline.demo import set_up_demo
from riskops.pipeline.read_back import read_back
from riskops.sources.demo import PINNED_SESSION
from tests.chromium import pictured
from tests.desks import each_verb, keep_on_sqlite, on_the_morning, opened, run_for
from tests.outside_programs import require

COMMAND = "python -m tests.screenshots docs/pictures"
MOST_BYTES = 150_000
COLOURS = 256
READER = Reader("manager", may_write=True, token="of a form")
TRADER = "3942"
SET_AT, LOOKED_AT = time(7, 48), time(7, 52)


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its file's name, what is seen, the window's width and height in pixels, light or dark."""

    name: str
    seen: str
    width: int
    height: int
    scheme: str


SHOTS = (
    Shot("mail", "mail", 660, 1_180, "light"),
    Shot("mail-on-a-telephone", "mail", 380, 900, "dark"),
    Shot("desk-page", "limits", 1_100, 1_000, "light"),
    Shot("desk-page-of-a-trader", "trader", 1_100, 1_180, "light"),
    Shot("desk-page-on-a-telephone", "limits", 380, 900, "light"),
)


def morning_of_the_demo_desk(folder: Path) -> Desk:
    """Return the demo desk, from a new database below a folder, after its pinned morning."""
    desk = opened(keep_on_sqlite(folder))
    set_up_demo(desk, lambda _done, _of: None)
    return lived_and_set(desk)


def lived_and_set(desk: Desk) -> Desk:
    """Let a desk live the pinned morning: its mail is read, its limits are set and read back."""
    for verb in each_verb():
        verb(desk, run_for())
    later = replace(desk, clock=on_the_morning(at=SET_AT))
    acknowledge(later, PINNED_SESSION, by="R. Manager", note="limits set")
    read_back(later, run_for(), _of_the_morning(desk, "limits.csv"))
    return replace(desk, clock=on_the_morning(at=LOOKED_AT))


def seen_on(desk: Desk) -> dict[str, str]:
    """Return the HTML of everything that the pictures show."""
    return {
        "mail": _of_the_morning(desk, "limits.html").read_text(encoding="utf-8"),
        "limits": pages.limits(desk, READER, Kept()),
        "trader": pages.trader(desk, READER, Kept(), TRADER),
    }


def take(folder: Path, seen: Mapping[str, str]) -> list[Path]:
    """Leave the pictures in a folder, small enough to be kept; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_taken(seen[shot.seen], shot, folder) for shot in SHOTS]


def _of_the_morning(desk: Desk, name: str) -> Path:
    return desk.settings.output / str(PINNED_SESSION) / name


def _taken(page: str, shot: Shot, folder: Path) -> Path:
    path = folder / f"{shot.name}.png"
    with tempfile.TemporaryDirectory() as room:
        raw = Path(room) / "raw.png"
        pictured(require("chromium"), page, shot.width, shot.height, shot.scheme, raw)
        with Image.open(raw) as image:
            image.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    return path


def main(folder: Path) -> None:
    """Leave the pictures of the demo desk in a folder."""
    with tempfile.TemporaryDirectory() as room, morning_of_the_demo_desk(Path(room)) as desk:
        take(folder, seen_on(desk))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
