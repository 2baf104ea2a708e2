"""The pictures of the pages for readers: the demo desk's mail as somebody sees it.

``make run`` first, then ``python -m tests.screenshots docs/pictures`` leaves them anew.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from riskops.sources.demo import PINNED_SESSION
from tests.chromium import pictured
from tests.outside_programs import require

ROOT = Path(__file__).parents[1]
MAIL = ROOT / ".riskops" / "out" / str(PINNED_SESSION) / "limits.html"
COMMAND = "python -m tests.screenshots docs/pictures"
MOST_BYTES = 150_000
COLOURS = 64


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its name, the size of the window in pixels, light or dark."""

    name: str
    width: int
    height: int
    scheme: str


SHOTS = (
    Shot("mail", 660, 1_180, "light"),
    Shot("mail-on-a-telephone", 380, 900, "dark"),
)


def take(folder: Path, mail: Path = MAIL) -> list[Path]:
    """Leave the pictures in a folder, small enough to be kept; return their paths.

    Raises
    ------
    FileNotFoundError
        If the demo desk has not made its mail yet.
    """
    if not mail.exists():
        raise FileNotFoundError(f"There is no {mail}: run `make run`.")
    folder.mkdir(parents=True, exist_ok=True)
    page = mail.read_text(encoding="utf-8")
    return [_taken(page, shot, folder) for shot in SHOTS]


def _taken(page: str, shot: Shot, folder: Path) -> Path:
    path = folder / f"{shot.name}.png"
    with tempfile.TemporaryDirectory() as room:
        raw = Path(room) / "raw.png"
        pictured(require("chromium"), page, shot.width, shot.height, shot.scheme, raw)
        with Image.open(raw) as image:
            image.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    return path


if __name__ == "__main__":
    take(Path(sys.argv[1]))
