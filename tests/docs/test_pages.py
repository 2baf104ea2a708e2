"""Every page can be found, every command and picture on it exists, and what costs little is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from riskops.cli import app
from riskops.sources.demo import PINNED_SESSION
from tests import screenshots
from tests.desk_pages import Page
from tests.desks import copied, environment, on_the_morning, opened

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(DOCS.glob("*.md"))
READERS = [DOCS / f"for-{who}.md" for who in ("auditors", "on-call", "quants", "risk-managers", "traders")]
IN_CODE = re.compile(r"^```\n(.*?)^```|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
READS = ("explain", "report", "status", "replay", "champion", "roster", "roster history")
IMAGE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands_of(page: Path) -> list[list[str]]:
    """Return every command line of ours on a page, without `riskops` and what is said of it."""
    code = "\n".join(block or span for block, span in IN_CODE.findall(text_of(page)))
    lines = re.findall(r"(?:^|\s)riskops ([a-z].*)$", code, re.MULTILINE)
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def resolved(words: list[str]):
    """Return the command that words mean, its name, and what is left of the words."""
    command, name = get_command(app), []
    while words and getattr(command, "commands", None) and words[0] in command.commands:
        command, name, words = command.commands[words[0]], [*name, words[0]], words[1:]
    return command, " ".join(name), words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_linked_from_the_readme(page):
    assert f"](docs/{page.name})" in README


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_command_and_option_a_page_names_exists(page):
    wrong = []
    for words in commands_of(page):
        command, name, rest = resolved(words)
        options = {
            option for parameter in command.params for option in parameter.opts + parameter.secondary_opts
        }
        asked = {word.split("=")[0] for word in rest if word.startswith("--")}
        if not name or not asked <= {*options, "--help"}:
            wrong.append(" ".join(words))
    assert wrong == []


def test_there_is_a_page_for_every_reader():
    assert set(READERS) <= set(PAGES)
    assert all(len(commands_of(page)) >= 1 for page in READERS)


@pytest.fixture(scope="module")
def demo(keeper, tmp_path_factory, small_desk_template):
    """Return the folder of a small demo desk that lived its pinned session, as the pictures show it."""
    folder = copied(small_desk_template, tmp_path_factory.mktemp("demo") / "desk")
    with opened(folder) as desk:
        screenshots.lived_and_set(desk)
    return folder


# --- pictures ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen(demo):
    """Return what the pictures show, of the small demo desk."""
    with opened(demo, on_the_morning(at=screenshots.LOOKED_AT)) as desk:
        return screenshots.seen_on(desk)


PICTURES = sorted((DOCS / "pictures").glob("*"))


def test_every_picture_a_page_names_is_there_and_no_other():
    named = {(page.parent / name).resolve() for page in PAGES for name in IMAGE.findall(text_of(page))}
    assert named == {picture.resolve() for picture in PICTURES}
    assert {picture.stem for picture in PICTURES} == {shot.name for shot in screenshots.SHOTS}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_is_small(picture):
    assert picture.stat().st_size < screenshots.MOST_BYTES
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("page", [p for p in PAGES if IMAGE.search(text_of(p))], ids=lambda page: page.name)
def test_a_page_with_pictures_says_by_which_command_they_were_made(page):
    assert f"`{screenshots.COMMAND}`" in text_of(page)


def test_the_command_takes_every_picture(tmp_path, seen):
    made = screenshots.take(tmp_path, seen)
    assert [path.stem for path in made] == [shot.name for shot in screenshots.SHOTS]
    assert all(1_000 < path.stat().st_size < screenshots.MOST_BYTES for path in made)


def test_the_pictures_are_of_a_morning_that_is_read_and_set_whenever_they_are_taken(seen):
    words = Page(seen["limits"]).words
    assert "limits stand since 06:05 New York time, Fri 30 Oct 2026" in words
    assert "Read back 15 of 15 applied Acknowledged R. Manager" in words
    assert "has no limits yet" not in words
    assert Page(seen["trader"]).words.count(screenshots.TRADER) >= 1


# --- the commands that only read, run ---------------------------------------------------------


def reading_commands() -> list[tuple[str, ...]]:
    """Return the commands of the readers' pages that read and name a session of the demo desk."""
    found = {tuple(words) for page in READERS for words in commands_of(page)}
    return sorted(words for words in found if _is_whole(words))


def _is_whole(words: tuple[str, ...]) -> bool:
    name = resolved(list(words))[1]
    return name == "status" or (name in READS and not {"3942", str(PINNED_SESSION)}.isdisjoint(words))


def test_there_are_commands_to_run():
    assert len(reading_commands()) >= 8


@pytest.mark.parametrize("words", reading_commands(), ids=" ".join)
def test_the_commands_of_the_pages_run_on_the_demo_desk(words, demo):
    result = CliRunner().invoke(app, list(words), env=environment(demo) | {"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) > 1
