"""The mail in headless Chromium: light and dark, on a desk and on a telephone, pictures on and off."""

from __future__ import annotations

import pytest

from riskops.report.pictures import draw
from riskops.report.render import as_html
from riskops.report.shown_alone import shown_alone
from tests.chromium import measured
from tests.outside_programs import require
from tests.report.mails import MAILS

WIDE, TELEPHONE = 700, 380
WITH_PICTURES = "usual, with pictures"


@pytest.fixture(scope="module", params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(scope="module")
def pages():
    usual = MAILS["usual"]()
    drawn = shown_alone(as_html(usual), draw(usual.charts))
    return {WITH_PICTURES: drawn, **{name: as_html(mail()) for name, mail in MAILS.items()}}


@pytest.fixture(scope="module")
def found(pages, scheme):
    """Return what all pages measure in one browser."""
    return measured(require("chromium"), pages, (WIDE, TELEPHONE), scheme)


def test_every_mail_is_measured_at_both_widths(pages, found):
    assert set(found) == {f"{name}@{width}" for name in pages for width in (WIDE, TELEPHONE)}
    assert all(figures["words"] > 300 and figures["height"] > 300 for figures in found.values())


def test_nothing_runs_out_of_the_page(found):
    out = {name: f["beyond"] for name, f in found.items() if f["beyond"] or f["scrolls"] > f["width"]}
    assert out == {}


def test_the_mail_fills_a_telephone_and_is_never_wider_than_640_pixels(found):
    assert {figures["mail"] for name, figures in found.items() if name.endswith("@380")} == {380}
    assert {figures["mail"] for name, figures in found.items() if name.endswith("@700")} == {640}


def test_every_word_has_contrast_enough(found):
    assert {name: figures["faint"] for name, figures in found.items() if figures["faint"]} == {}


def test_the_page_is_as_light_or_dark_as_asked(found, scheme):
    grounds = {sum(figures["ground"][:3]) / 3 > 128 for figures in found.values()}
    assert grounds == {scheme == "light"}


def test_the_pictures_are_shown_and_fit(found):
    for width in (WIDE, TELEPHONE):
        pictures = found[f"{WITH_PICTURES}@{width}"]["pictures"]
        assert len(pictures) == 6
        assert all(natural == 720 and 300 < shown <= 360 for natural, shown in pictures)


def test_without_pictures_no_word_is_missing(found):
    for width in (WIDE, TELEPHONE):
        assert found[f"usual@{width}"]["words"] == found[f"{WITH_PICTURES}@{width}"]["words"]
