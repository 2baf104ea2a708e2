"""Pages as HTML: readable by eye in light and dark, and nothing in a value is markup."""

from __future__ import annotations

import re

import pytest

from riskops.desk_page.parts import Reader
from riskops.desk_page.render import TEMPLATES, Notice, Said, html, style_digest
from tests.desk_pages import SCRIPT, Page

STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in STYLE.split("@media", 2)[:2]
)
READ_ON = (
    *(("ink", ground) for ground in ("ground", "sheet", "warn-ground", "urgent-ground")),
    *(("soft", "sheet"), ("soft", "ground"), ("link", "sheet"), ("link", "ground"), ("sheet", "link")),
    *(("urgent", "sheet"), ("link", "warn-ground"), ("link", "urgent-ground")),
)
SEEN_ON = tuple((kind, "sheet") for kind in ("gain", "loss", "limit", "second", "third", "fourth"))


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
class TestContrast:
    def test_both_schemes_name_every_colour(self, scheme):
        assert set(scheme) == set(LIGHT)

    @pytest.mark.parametrize(("text", "ground"), READ_ON)
    def test_text_can_be_read(self, scheme, text, ground):
        assert contrast(scheme[text], scheme[ground]) >= 4.5

    @pytest.mark.parametrize(("shape", "ground"), SEEN_ON)
    def test_shapes_can_be_seen(self, scheme, shape, ground):
        assert contrast(scheme[shape], scheme[ground]) >= 3


def test_the_focus_can_be_seen():
    assert ":focus-visible { outline: 3px solid" in STYLE
    assert "outline: none" not in STYLE.replace("main:focus { outline: none; }", "")


def test_every_template_escapes():
    for path in TEMPLATES.glob("*.html"):
        assert not re.search(r"\|\s*safe|autoescape\s+false|Markup", path.read_text(encoding="utf-8")), path


def test_every_value_of_a_notice_is_text():
    page = Page(html("notice", SCRIPT, Notice((SCRIPT,), SCRIPT, "./"), Reader(SCRIPT, may_write=True)))
    assert page.all("script") == []
    assert page.words.count(SCRIPT) == 5


def test_what_was_typed_is_kept_for_its_own_form_only():
    said = Said(form="override", refused="no", typed={"why": "because"})
    assert said.kept("override", "why") == "because"
    assert said.kept("override", "last") == ""
    assert said.kept("revise", "why") == ""


def test_the_digest_of_the_style_is_one_for_a_policy():
    assert re.fullmatch(r"sha256-[A-Za-z0-9+/]{43}=", style_digest())
