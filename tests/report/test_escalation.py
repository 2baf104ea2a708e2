"""The escalation mail: short, only the deep cuts, and how to say that it has been read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from riskops.overrides import overridden
from riskops.records import AskedOverride, Override
from riskops.report.escalation import as_html, as_text, escalation
from tests.builders import SESSION
from tests.golden.mornings import CUT_OFF, ESCALATIONS, decision, publication, seed_desk
from tests.report.mails import SCRIPT, desk_of

LINK = "https://risk.example.com/runbook#a-mail-is-not-acknowledged"


def mail(desk=None, *, again=False, **changes):
    return escalation(publication(desk or seed_desk(), **changes), LINK, again=again)


@pytest.mark.parametrize("reduction", [41, 50, 80])
def test_a_cut_above_40_is_told_with_limit_reasons_and_confidence(reduction):
    cut = replace(seed_desk()[0], reduction=reduction, limit_cents=500_000 - 5_000 * reduction)
    for text in (as_text(mail([cut])), as_html(mail([cut]))):
        assert f"Trader 3942: REDUCE LIMIT BY {reduction}%" in text
        assert "Extended loss streak (5 days), Drawdown 18.2%" in text
        assert "high; large loss on 4 of 17 such days" in text.replace("\n      ", " ")
        assert "$5,000" in text


@pytest.mark.parametrize("reduction", [0, 30, 40])
def test_nobody_else_is_named(reduction):
    desk = [*seed_desk(), decision("4711", reduction)]
    assert "4711" not in as_text(mail(desk)) + as_html(mail(desk))


def test_somebody_s_word_that_cuts_deeply_is_told_as_such():
    word = Override(12, AskedOverride("3942", SESSION, SESSION, 70, "anna", "news"), CUT_OFF)
    text = " ".join(as_text(mail([overridden(decision("3942", 30), word)])).split())
    assert "Trader 3942: REDUCE LIMIT BY 70%" in text
    assert "OVERRIDDEN by anna" in text
    assert "Reasons without the override: Loss streak (3 days)" in text
    assert "Confidence" not in text


def test_the_deepest_cut_comes_first():
    made = mail([decision("1", 50), decision("2", 80), decision("3", 60)])
    assert [cut.order for cut in made.cuts] == [f"REDUCE LIMIT BY {n}%" for n in (80, 60, 50)]


def test_it_says_how_to_acknowledge_which_mail_and_what_to_do():
    told = 'riskops acknowledge --session 2026-03-16 --revision 2 --by "YOUR NAME"'
    made = mail(revision=2)
    assert told in as_text(made)
    assert told.replace('"', "&#34;") in as_html(made)
    assert LINK in as_text(made)
    assert LINK in as_html(made)


def test_its_subject_says_what_it_is_and_on_which_rung():
    assert mail().subject == (
        "ESCALATION: RiskOps loss limits Mon 2026-03-16: 1 trader cut by more than 40% [rung 2 rules]"
    )
    assert mail(again=True, revision=1).subject.startswith(
        "UNACKNOWLEDGED: CORRECTION 1, RiskOps loss limits"
    )


def test_the_second_one_says_since_when():
    told = "UNACKNOWLEDGED: at 07:50 New York time nobody has said to have read it."
    assert told in as_text(mail(again=True))
    assert told in as_html(mail(again=True))
    assert "UNACKNOWLEDGED" not in as_text(mail()) + as_html(mail())


@pytest.mark.parametrize("name", ESCALATIONS)
def test_the_text_has_no_line_beyond_what_mail_programs_show_but_the_command(name):
    lines = as_text(ESCALATIONS[name]()).splitlines()
    assert max(len(line) for line in lines if "http" not in line) <= 78


def test_a_trader_named_like_a_script_is_only_a_name():
    severe = replace(seed_desk()[0], trader_id=SCRIPT, name=SCRIPT)
    assert "<script" not in as_html(mail([severe]))


def test_sixty_traders_fit_a_mail():
    made = mail(desk_of(60, 80))
    assert len(made.cuts) == 60
    assert len(as_html(made).encode()) < 80_000
