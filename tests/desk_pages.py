"""Desks for the pages, and their HTML taken apart as a browser and a screen reader would."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from filelock import FileLock

from tests.builders import SESSION, trader_3942, trader_3951
from tests.desks import each_verb, run_for
from tests.small_desks import NIGHT, csv_desk, lived, quiet, stormy

VOID = {"meta", "br", "input", "polyline", "polygon", "rect", "img"}
SCRIPT = '<script>alert("x")</script>'
CUT, FREE = "3942", "3960"


def mailed_desk(folder: Path) -> Path:
    """Live one morning on a new desk of some traders, one of them called like a script, and mail it."""
    results = stormy(traders=4) | {CUT: trader_3942(), "3951": trader_3951(), FREE: quiet(), SCRIPT: quiet()}
    with csv_desk(folder, results) as desk:
        lived(desk, NIGHT, dict.fromkeys(results, 20))
        for verb in each_verb():
            verb(desk, run_for(SESSION))
    return folder


def mailed_template(shared_folder: Path, kept_on: str, keeper: Callable[[Path], Path]) -> Path:
    """Return the folder of such a desk, made once for all workers; never written to, only copied."""
    folder = shared_folder / f"mailed_desk_on_{kept_on}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            mailed_desk(keeper(folder))
            (folder / "ready").touch()
    return folder


class Page(HTMLParser):
    """A page as it is taken apart: its tags in order, its words, and what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.said.append(data)

    @property
    def words(self) -> str:
        """Everything that can be read, each run of white space as one space."""
        return " ".join(" ".join(self.said).split())

    def all(self, *names: str) -> list[dict[str, str | None]]:
        """Return the attributes of every tag of some names."""
        return [attributes for tag, attributes in self.tags if tag in names]

    def links(self) -> list[str]:
        """Return where the page leads."""
        return [str(a["href"]) for a in self.all("a") if a.get("href")]
