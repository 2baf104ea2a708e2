"""Every number of the kept mails is traced by what explains them, and a wrong one is found out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from riskops import config
from riskops.records import Engine, Rung
from riskops.report import pictures
from riskops.report.content import Content
from riskops.report.correction import changed
from riskops.report.material import Material, arranged
from riskops.report.render import as_html, as_text, subject
from riskops.report.tracing.explanation import explain_desk, explain_trader
from riskops.report.tracing.limit import limit_formula
from riskops.report.tracing.traced import BusinessNumber, Row, named
from riskops.report.wording import standing
from riskops.store.tables import metadata
from tests.golden.mornings import MORNINGS, decision, held, usual
from tests.mail_parts import parts_of
from tests.numbers import numbers_in, numbers_of, untraced, words_of
from tests.tracing import labels_of, parts_untraced

NAMES = list(MORNINGS)


def told(material: Material) -> list:
    """Return all that is traced of a morning, of the desk and of every trader."""
    traders = [explain_trader(material, made) for made in material.publication.decisions]
    return numbers_of(explain_desk(material), *traders)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_text_is_traced_by_its_section_or_its_trader(name):
    material = MORNINGS[name].material()
    assert parts_untraced(material, subject(arranged(material)), as_text(arranged(material))) == {}


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_html_is_traced(name):
    material = MORNINGS[name].material()
    html = words_of(as_html(arranged(material)))
    assert len(numbers_in(html)) > 20
    assert untraced(html, told(material), labels_of(material)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_number_that_is_drawn_is_traced(name, monkeypatch):
    figures: list[Figure] = []
    monkeypatch.setattr(pictures, "_packed", lambda _pixels: b"")
    monkeypatch.setattr(Figure, "add_axes", _kept(Figure.add_axes, figures))
    material = MORNINGS[name].material()
    pictures.draw(arranged(material).charts)
    drawn = "\n".join(t.get_text() for figure in figures for t in figure.findobj(Text) if t.get_visible())
    assert len(figures) == len(arranged(material).charts)
    assert bool(numbers_in(drawn)) == bool(figures)
    assert untraced(drawn.replace("\N{MINUS SIGN}", "-"), told(material), labels_of(material)) == []


def _kept(made: Callable, figures: list[Figure]) -> Callable:
    """Return a method that notes whose it is called on."""

    def noted(figure: Figure, *arguments: object) -> object:
        figures.append(figure)
        return made(figure, *arguments)

    return noted


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_the_mail_is_found(name):
    material = MORNINGS[name].material()
    parts = parts_of(as_text(arranged(material)), labels_of(material))
    of_it = material.corrects and changed(material.publication, material.corrects.publication)
    entries = [
        made
        for made in of_it or material.publication.decisions
        if made.reduction or made.notes or standing(made)
    ]
    wanted = {"Subject", "Changes", "Tiers", "Data health", "Footer"}
    wanted |= set() if material.corrects else {"Summary", "Evidence meter"}
    assert wanted <= set(parts)
    assert len(set(parts) & set(labels_of(material))) == len(entries)
    assert all(parts.values())


# --- the test of the test ---------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_whatever_number_is_altered_it_is_no_longer_traced(name):
    material = MORNINGS[name].material()
    traced = told(material)
    parts = parts_of(as_text(arranged(material)), labels_of(material))
    statements = re.compile("|".join(map(re.escape, labels_of(material))))
    for text in parts.values():
        bare = statements.sub(" ", text)
        for found in re.finditer(r"\d", bare):
            altered = f"{bare[: found.start()]}98765{bare[found.end() :]}"
            assert untraced(altered, traced), altered


def wrong(mail: Content, **changes: object) -> Content:
    """Return a mail whose most urgent entry says something else."""
    first, *rest = mail.immediate
    return replace(mail, immediate=(replace(first, **changes), *rest))


@pytest.mark.parametrize(
    ("altered", "part", "number"),
    [
        (lambda mail: wrong(mail, limit="$3,000"), "Trader 3942", "$3,000"),
        (lambda mail: wrong(mail, order="REDUCE LIMIT BY 55%"), "Trader 3942", "55%"),
        (lambda mail: wrong(mail, base="$7,500"), "Trader 3942", "$7,500"),
        (lambda mail: wrong(mail, confidence="high; large loss on 5 of 17 such days"), "Trader 3942", None),
        (lambda mail: wrong(mail, change="-$1,500 since Fri 13 Mar, was $3,500"), "Trader 3942", "-$1,500"),
        (lambda mail: replace(mail, headline="1 immediate, 3 moderate, 6 of 15 traders cut"), "Subject", "6"),
        (lambda mail: replace(mail, summary=(("Total traders", "14"),)), "Summary", "14"),
        (lambda mail: replace(mail, evidence=("Model e = 13.1 of 20",)), "Evidence meter", "13.1"),
        (lambda mail: replace(mail, health=("3 of 3 checks passed",)), "Data health", None),
        (lambda mail: replace(mail, footer=(("Cut-off", "07:12 New York time"),)), "Footer", "07:12"),
        (lambda mail: replace(mail, nearest="Trader 3949 after $122 more loss"), "Everybody else", "$122"),
    ],
)
def test_a_wrong_number_is_found_in_its_part(altered, part, number):
    material = usual.material()
    found = parts_untraced(material, "", as_text(altered(usual())))
    expected = {} if number is None else {part: [number]}
    assert {key: value for key, value in found.items() if key == part} == expected


def test_a_number_of_another_trader_does_not_pass():
    mail = usual()
    first, second = mail.immediate[0], mail.moderate[0]
    swapped = replace(
        mail,
        immediate=(replace(first, limit=second.limit),),
        moderate=(replace(second, limit=first.limit), *mail.moderate[1:]),
    )
    found = parts_untraced(usual.material(), "", as_text(swapped))
    assert found == {"Trader 3942": ["$3,000"], "Trader 3944": ["$2,500"]}


# --- what is told of a number -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_number_says_what_it_is_how_it_was_computed_and_where_it_is_on_record(name):
    for number in told(MORNINGS[name].material()):
        assert all((number.label, number.value, number.how, number.places)), number


@pytest.mark.parametrize("name", NAMES)
def test_every_place_is_a_column_of_the_risk_database_or_a_number_of_the_configuration(name):
    for number in told(MORNINGS[name].material()):
        for place in number.places:
            if isinstance(place, BusinessNumber):
                assert hasattr(config, place.name)
                continue
            columns = metadata.tables[place.table].columns.keys()
            assert {place.column.split(".")[0], *(name for name, _ in place.key)} <= set(columns)


@pytest.mark.parametrize(
    ("made", "formula"),
    [
        (decision("1", 50), "$5,000 x (100 - 50) % = $2,500, rounded down to $50 (LIMIT_STEP_CENTS)"),
        (decision("1", 0), "no cut: the base limit $5,000, not rounded"),
        (held("1", 60), "never more dollars than the limit it stands on"),
    ],
)
def test_the_limit_is_told_as_arithmetic(made, formula):
    assert formula in limit_formula(made)


def cut_of(made: object) -> str:
    """Return how the cut of a decision is explained."""
    material = replace(usual.material(), publication=replace(usual.material().publication, decisions=(made,)))
    (found,) = [n for n in explain_trader(material, made).section("Limit").numbers if n.label == "Cut"]
    return found.how


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (held("1", 60, held_reduction=50), "50 % on 2026-03-13 and 10 points: 10 (HOLD_STEP) a held session"),
        (held("1", 70, held_reduction=50, held_sessions=3), "50 % on 2026-03-13 and 20 points"),
        (held("1", 60, held_reduction=40), "and no looser than the last"),
        (held("1", 50, held_reduction=50), "as they were: nothing could be decided"),
        (held("1", 50, rung=Rung.FLOOR), "no earlier limit to hold: 50 (FLOOR_REDUCTION)"),
        (
            decision("1", 40, engine=Engine.POOLED_MODEL),
            "the pooled model asks for 40 %, which tightens the rules' cut",
        ),
        (decision("1", 40, engine=Engine.OWN_MODELS), "the trader's own model asks for 40 %"),
    ],
)
def test_the_cut_says_what_it_comes_from(made, said):
    assert said in cut_of(made)


def test_a_business_number_is_told_with_its_name_and_unit():
    assert [named(name) for name in ("LIMIT_STEP_CENTS", "LATEST_CUT_OFF", "IMMEDIATE_ABOVE")] == [
        "$50 (LIMIT_STEP_CENTS)",
        "07:20 (LATEST_CUT_OFF)",
        "40 (IMMEDIATE_ABOVE)",
    ]


def test_a_place_is_told_with_what_chooses_its_rows():
    assert str(Row("scores", "reduction", (("engine", "rules"), ("trader_id", "3942")))) == (
        "scores.reduction [engine=rules, trader_id=3942]"
    )
