"""What mail clients ask of the page: nothing they strip, block or cannot show is needed to read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from riskops.report.render import as_html, as_text
from tests.golden.mornings import RUNBOOK
from tests.report.mails import MAILS, SCRIPT

VOID = {"meta", "br", "img"}
KNOWN = {
    *("html", "head", "meta", "title", "style", "body", "table", "thead", "tbody", "tr", "th", "td"),
    *("h1", "h2", "p", "div", "ul", "li", "b", "s", "br", "img"),
}
UNSAFE = re.compile(
    r"(?:^|;)\s*(position|float|display\s*:\s*(?:flex|grid)|transform|animation)\b|url\(|var\("
)
MOST_BYTES = 80_000
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


class Page(HTMLParser):
    """A page as mail clients take it apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            self.style += data
        elif self.open[-1:] != ["title"]:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module", params=MAILS)
def mail(request):
    return MAILS[request.param]()


@pytest.fixture(scope="module")
def html(mail):
    return as_html(mail)


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_it_is_whole_and_made_of_tags_that_every_client_knows(page):
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= KNOWN


def test_nothing_runs_and_nothing_comes_from_elsewhere(html, page):
    assert not re.search(r"https?:|url\(|@import|//[a-z]", html.replace(RUNBOOK, ""))  # told, not loaded
    assert not [attributes for _, attributes in page.tags if RUNBOOK in str(attributes)]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert all(img["src"].startswith("cid:") for img in page.all("img"))


def test_it_is_small_enough_not_to_be_clipped(html):
    assert len(html.encode()) < MOST_BYTES


def test_the_style_sheet_only_changes_colours_for_a_dark_page(page):
    assert re.fullmatch(r"\s*@media \(prefers-color-scheme: dark\) \{.*\}\s*", page.style, re.DOTALL)
    properties = set(re.findall(r"[{;]\s*([a-z-]+):", page.style.partition("{")[2]))
    assert properties <= {"background", "color", "border-color"}


def test_it_says_that_it_is_made_for_light_and_dark(page):
    metas = {meta.get("name"): meta.get("content") for meta in page.all("meta")}
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"


def test_its_layout_is_that_of_tables_and_at_most_640_pixels_wide(html, page):
    styles = [attributes["style"] for _, attributes in page.tags if attributes.get("style")]
    assert [style for style in styles if UNSAFE.search(style)] == []
    widths = [int(width) for style in styles for width in re.findall(r"width:(\d+)px", style)]
    widths += [int(a["width"]) for _, a in page.tags if (a.get("width") or "").isdigit()]
    assert max(widths) <= 640
    assert "max-width:640px" in html


def test_every_table_is_for_layout_or_has_headings_with_a_scope(page):
    layout = [table for table in page.all("table") if table.get("role") == "presentation"]
    assert len(layout) == 1
    assert all(table.get("aria-label") for table in page.all("table") if table not in layout)
    assert all(heading.get("scope") in ("col", "row", "rowgroup") for heading in page.all("th"))
    assert len(page.all("th")) >= len(page.all("table")) - 1


def test_every_picture_has_its_words_and_its_size(mail, page):
    pictures = page.all("img")
    assert [picture["src"] for picture in pictures] == [f"cid:{chart.content_id}" for chart in mail.charts]
    assert all(len(picture["alt"]) > 30 and picture["width"] and picture["height"] for picture in pictures)


def test_the_text_twin_has_every_number_of_the_page_its_pictures_included(mail, page):
    seen = " ".join([*page.words, *(picture["alt"] for picture in page.all("img"))])
    assert set(NUMBER.findall(seen)) - set(NUMBER.findall(as_text(mail))) == set()


def test_what_a_colour_says_stands_in_words_too(mail, page):
    told = " ".join(" ".join(page.words).split())
    shown = [(mail.immediate_title, mail.immediate), (mail.moderate_title, mail.moderate)]
    for title, entries in (*shown, ("Everybody else", mail.correction is None)):
        assert (title in told) == bool(entries or mail.correction is None)
    assert all(change.by in told for change in mail.changes.rows)


def test_a_trader_named_like_a_script_is_only_a_name():
    page = Page(as_html(MAILS["named like a script"]()))
    assert "script" not in {tag for tag, _ in page.tags}
    assert SCRIPT in " ".join(page.words)


@pytest.mark.parametrize("name", ["sixty, none restricted", "sixty, all restricted", "sixty on the floor"])
def test_sixty_traders_are_all_named(name):
    mail = MAILS[name]()
    for told in (as_text(mail), " ".join(Page(as_html(mail)).words)):
        assert all(f"Trader {4000 + n}" in " ".join(told.split()) for n in range(60))
