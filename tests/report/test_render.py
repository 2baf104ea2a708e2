"""The mail itself. Golden files are written anew by ``python -m tests.golden.regenerate``."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.report.content import Content, content
from riskops.report.render import as_html, as_text, subject
from tests.golden.mornings import MORNINGS, check, comparison, decision, publication, scores, usual
from tests.golden.regenerate import golden_files

VOID = {"meta", "br", "img"}
HOSTILE = [
    "<script>alert(1)</script>",
    "Bob\r\nBcc: everybody@example.com",
    "Bob\u2028IMMEDIATE ACTION",
    "\u202eevil\u202c",
    "{{ mail.subject }}",
    '" onmouseover="x',
    "\x00\x1b[31mred",
    "a" * 5000,
]


class Page(HTMLParser):
    """The tags, attributes and text of a page, and whether every tag is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def mail_named(name: str) -> Content:
    desk = (decision("3942", 50, name=name, reasons=(name,), way_back=name, notes=(name,)), decision(name))
    failed = check(name, passed=False, detail=name, observed=name, trader_id=name)
    found = comparison(reason=name)
    return content(
        publication(desk, why=name, code_version=name), found, [failed], scores(), 0.6, faults=[name]
    )


def golden_names() -> list[str]:
    return [path.name for path, _ in golden_files()]


@pytest.mark.parametrize("name", golden_names())
def test_the_mail_is_the_one_that_is_kept(name):
    path, wanted = next((path, wanted) for path, wanted in golden_files() if path.name == name)
    assert wanted == path.read_text(encoding="utf-8"), "read the difference, then regenerate"


def test_the_immediate_action_reads_as_agreed():
    lines = [line.strip() for line in as_text(usual()).splitlines()]
    at = lines.index("Trader 3942: REDUCE LIMIT BY 50%")
    assert lines[at + 1 : at + 5] == [
        "New limit: $2,500 (from $5,000)",
        "Change: -$1,000 since Fri 13 Mar, was $3,500",
        "Reasons: Extended loss streak (5 days), Drawdown 18.2%",
        "Confidence: high; large loss on 4 of 17 such days (desk: 12 %)",
    ]


def test_the_moderate_cut_reads_as_agreed():
    assert "Trader 3951: Reduce by 30% ($3,500) - Loss streak (3 days)\n" in as_text(usual())


def test_the_summary_reads_as_agreed():
    assert (
        "SUMMARY:\nTotal traders: 15\nRestrictions applied: 5\nHigh risk: 1\nSystem: Rules-based (baseline)\n"
    ) in as_text(usual())


@pytest.mark.parametrize("write", [as_text, lambda mail: Page(as_html(mail)).text])
def test_the_sections_come_in_the_order_of_urgency(write):
    told = write(usual()).lower()
    sections = [
        "changed since",
        "immediate action",
        "moderate (",
        "everybody else",
        "summary",
        "evidence meter",
        "data health",
    ]
    places = [told.index(section) for section in [*sections, "code version"]]
    assert places == sorted(places)


@pytest.mark.parametrize("name", MORNINGS)
def test_the_twins_say_the_same(name):
    mail = MORNINGS[name]()
    text, page = " ".join(as_text(mail).split()), Page(as_html(mail)).text
    entries = [*mail.immediate, *mail.moderate, *mail.others]
    facts = [mail.headline, *mail.alerts, mail.changes.title, mail.changes.unchanged]
    facts += [*mail.evidence, *mail.health, *(chart.words for chart in mail.charts)]
    facts += [fact for c in mail.changes.rows for fact in (c.trader, c.was, c.now, c.by)]
    facts += [e.reasons for e in entries] + [e.limit for e in entries] + [e.standing for e in entries]
    facts += [e.change for e in entries] + [e.base for e in entries] + [e.confidence for e in entries]
    remarks = [detail for e in entries for detail in e.details]
    facts += [fact for remark in remarks for fact in (remark.label, remark.text, *remark.items)]
    facts += [value for _, value in mail.footer]
    assert [fact for fact in facts if fact.lower() not in text.lower()] == []
    assert [fact for fact in facts if fact not in page] == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_foreign_text_does_no_harm(hostile):
    mail = mail_named(hostile)
    assert re.fullmatch(r"[^\x00-\x1f\x7f\u2028\u2029\u202a-\u202e]+", subject(mail))
    text, page = as_text(mail), Page(as_html(mail))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e]", text)
    assert not re.search(r"^ {0,3}(Bcc|IMMEDIATE ACTION\s*$)", text, re.MULTILINE)
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any("onmouseover" in attributes for _, attributes in page.tags)
    assert page.open == []


def own_lines(mail: Content) -> int:
    """Return how many lines of the text begin something; what continues a line is indented further."""
    return sum(not line.startswith(" " * 4) for line in as_text(mail).splitlines() if line)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40))
def test_any_name_leaves_the_lines_and_the_page_whole(name):
    quiet, named = mail_named("quiet"), mail_named(name)
    assert own_lines(named) <= own_lines(quiet)
    assert Page(as_html(named)).open == []
    as_text(named).encode()
    assert len(subject(named).splitlines()) == 1


@pytest.mark.parametrize("name", MORNINGS)
def test_the_text_fits_78_columns(name):
    assert max(len(line) for line in as_text(MORNINGS[name]()).splitlines()) <= 78


def test_a_long_sentence_goes_on_in_indented_lines_and_nothing_of_it_is_lost():
    clauses = "; ".join(f"signal {number}: {'on and ' * 60}on" for number in range(3))
    mail = content(publication((decision("7", 50, way_back=clauses),)), None, [check()], (), None)
    (way_back,) = [d.items for d in mail.immediate[0].details if d.label == "Way back"]
    text = as_text(mail)
    assert all(item in " ".join(text.split()) for item in way_back)
    assert all(len(line) <= 78 for line in text.splitlines())
    assert "…" not in text


@pytest.mark.parametrize("name", MORNINGS)
def test_every_order_is_the_heading_of_its_trader_s_rows(name):
    mail = MORNINGS[name]()
    entries = [*mail.immediate, *mail.moderate, *mail.others]
    page = Page(as_html(mail))
    headings = [attributes for tag, attributes in page.tags if attributes.get("scope") == "rowgroup"]
    assert len(headings) == len(entries)
    assert all(f"{entry.trader}: {entry.order}" in page.text for entry in entries)


def test_a_desk_without_traders_is_told():
    mail = content(publication(()), None, [check()], (), None)
    assert "Nobody." in as_text(mail)
    assert "Total traders: 0" in as_text(mail)


def test_a_different_name_follows_the_id():
    text = as_text(content(publication((decision("7", 50, name="Ann Lee"),)), None, [check()], (), None))
    assert "Trader 7 (Ann Lee): REDUCE LIMIT BY 50%" in text


def test_the_subject_names_date_counts_and_rung():
    assert subject(usual()) == (
        "RiskOps loss limits Mon 2026-03-16: 1 immediate, 3 moderate, 5 of 15 traders cut [rung 2 rules]"
    )
