"""The charts on their way: drawn once, kept with the report, sent as they were kept, and never missed."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from riskops.errors import SessionError
from riskops.pipeline import background as beside
from riskops.pipeline import compose as composing
from riskops.pipeline.compose import compose
from riskops.pipeline.send import send
from riskops.records import Verb
from riskops.store.seal import LIMITS_MAIL
from tests.builders import SESSION
from tests.desks import run_for

RUN = run_for(SESSION)


def report_of(desk):
    return desk.store.mornings.report(SESSION, 0, LIMITS_MAIL)


def sent(desk):
    """Return the mail in files, and its HTML twin beside it."""
    send(desk, RUN)
    folder = desk.settings.output / str(SESSION)
    mail = message_from_bytes((folder / "limits.eml").read_bytes(), policy=default)
    return mail, (folder / "limits.html").read_text(encoding="utf-8")


def test_a_report_keeps_the_pictures_its_html_names(decided):
    report = report_of(decided)
    assert report.pictures
    assert report.html.count('src="cid:') == len(report.pictures)
    assert all(f'src="cid:{picture.content_id}"' in report.html for picture in report.pictures)


def test_the_mail_carries_exactly_these_pictures(decided):
    report = report_of(decided)
    mail, page = sent(decided)
    related = mail.get_body(("related",))
    carried = {
        part["Content-ID"].strip("<>"): part.get_content()
        for part in related.iter_attachments()
        if part.get_content_type() == "image/png"
    }
    assert carried == {picture.content_id: picture.png for picture in report.pictures}
    assert mail.get_body(("html",)).get_content().splitlines() == report.html.splitlines()
    assert mail.get_body(("plain",)).get_content().splitlines() == report.text.splitlines()
    assert "cid:" not in page
    assert page.count("data:image/png;base64,") == len(report.pictures)


def test_composing_again_gives_the_same_report_with_the_same_pictures(decided):
    before = report_of(decided)
    compose(decided, RUN)
    assert report_of(decided) == before


def test_the_signals_and_the_results_of_a_restricted_trader_are_told(decided):
    text = report_of(decided).text
    assert "  Signals:" in text
    assert "active days to Fri 13 Mar:" in text


@pytest.mark.fault(
    what="the charts of the mail cannot be drawn",
    gets="the limits and the mail as ever, in words only",
    rung="as decided",
    label="No charts, they could not be drawn",
    told="risk managers (mail)",
)
def test_charts_that_cannot_be_drawn_are_left_out_and_told(decided, monkeypatch):
    def broken(_charts):
        raise ValueError("no font")

    monkeypatch.setattr(composing, "draw", broken)
    compose(decided, RUN)
    report = report_of(decided)
    assert "cid:" not in report.html
    assert "No charts, they could not be drawn: no font" in report.text
    assert decided.store.mornings.stages(SESSION, 0)[Verb.COMPOSE].is_done
    mail, _page = sent(decided)
    assert mail.get_body(("related",)) is None


def test_results_that_cannot_be_read_keep_no_limit_from_leaving(decided, monkeypatch):
    def broken(_desk, _run):
        raise SessionError("2026-03-14 is no session")

    monkeypatch.setattr(beside, "read_history", broken)
    compose(decided, RUN)
    assert "No results are shown, they cannot be read: 2026-03-14 is no session" in " ".join(
        report_of(decided).text.split()
    )
