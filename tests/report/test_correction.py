"""The mail of a correction: what differs, by whose word, and every limit that stands in one line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from riskops.records import Revision
from riskops.report.changes import of_the_mail_before
from riskops.report.content import content
from riskops.report.correction import SAME_HEALTH, MailBefore, changed, correction
from riskops.report.render import as_html, as_text, subject
from tests.builders import SESSION
from tests.golden.mornings import background, check, comparison, decision, publication

ASKED = Revision(SESSION, 2, "R. Manager", "a late file", datetime(2026, 3, 16, 11, 40, tzinfo=UTC), "a run")
BEFORE = (decision("1", 30), decision("2", 50), decision("3"))
SOUND, BROKEN = check(), check("slow", passed=False, detail="Slow.")


def mail(decisions, before=BEFORE, checks=(SOUND,), checks_before=(SOUND,)):
    sent, after = publication(before), replace(publication(tuple(decisions)), revision=2)
    told = background(earlier=of_the_mail_before(sent))
    whole, entries = (
        content(part, comparison(), checks, (), None, background=told)
        for part in (after, replace(after, decisions=changed(after, sent)))
    )
    health = content(sent, None, checks_before, (), None).health
    return correction(whole, entries, after, checks, ASKED, MailBefore(sent, health))


def text_of(*parts, **how):
    return " ".join(as_text(mail(*parts, **how)).split())


def test_it_says_at_the_top_who_asked_why_and_when():
    told = text_of([decision("1", 40), *BEFORE[1:]])
    assert "Asked for by: R. Manager Why: a late file When: 07:40 New York time, Mon 16 Mar 2026" in told
    assert told.index("R. Manager") < told.index("Trader 1")


def test_the_old_limit_is_struck_and_said_to_be_old():
    changed_mail = mail([decision("1", 40), *BEFORE[1:]])
    assert "Trader 1: was $3,500 (cut 30%), now $3,000 (cut 40%), -$500" in as_text(changed_mail)
    assert "was <s>$3,500 (cut 30%)</s>" in as_html(changed_mail)
    assert "now <b>$3,000 (cut 40%)</b>" in as_html(changed_mail)


def test_only_who_changed_has_an_entry_and_who_stands_one_line():
    told = mail([decision("1", 60), decision("2", 50), decision("3", 20)])
    assert [entry.trader for entry in (*told.immediate, *told.moderate, *told.others)] == [
        "Trader 1",
        "Trader 3",
    ]
    assert told.correction.told == "2 limits change, 1 stands."
    assert told.correction.stands == "$2,500: Trader 2"


def test_a_limit_that_is_full_again_is_told():
    told = text_of([decision("1"), *BEFORE[1:]])
    assert "Trader 1: was $3,500 (cut 30%), now $5,000 (cut 0%), +$1,500" in told
    assert "OTHER LIMITS THAT CHANGED: Full limit $5,000: Trader 1" in told


def test_who_is_new_and_who_is_gone_are_changes():
    told = text_of([BEFORE[0], BEFORE[1], decision("4", 20)])
    assert "Trader 4: was none, now $4,000 (cut 20%), new" in told
    assert "Trader 3: was $5,000 (cut 0%), now no trading" in told
    assert "2 limits change, 2 stand." in told


def test_where_nothing_changes_one_sentence_says_so():
    told = mail(BEFORE)
    assert told.correction.told == "No limit changes: all 3 limits stand as they were mailed before."
    assert told.changes.rows == told.charts == ()
    for twin in (as_text(told), as_html(told)):
        assert "No limit changes" in twin
        assert "Change" not in twin.replace("No limit changes", "")


def test_it_is_told_why_a_limit_was_kept_but_not_what_was_remarked_before():
    kept = replace(BEFORE[1], notes=("2 results estimated", "Keeps the limit sent before: too late"))
    known = (BEFORE[0], replace(BEFORE[1], notes=("2 results estimated",)), BEFORE[2])
    (remark,) = mail([BEFORE[0], kept, BEFORE[2]], known).correction.remarks
    assert remark == "Trader 2 ($2,500): Keeps the limit sent before: too late"


@pytest.mark.parametrize(
    ("checks", "before", "told"),
    [
        ([SOUND], [SOUND], (SAME_HEALTH,)),
        ([SOUND, check("b")], [SOUND], ("2 of 2 checks passed",)),
        ([BROKEN], [BROKEN], ("CRITICAL: Slow.",)),
        ([SOUND], [BROKEN], ("1 of 1 check passed",)),
    ],
    ids=["the same", "another count", "a failure that lasts", "a failure that is gone"],
)
def test_data_health_is_told_where_it_differs_or_failed(checks, before, told):
    assert mail(BEFORE, checks=checks, checks_before=before).health == told


def test_the_subject_counts_the_whole_desk():
    assert subject(mail(BEFORE)) == (
        "CORRECTION 2: RiskOps loss limits Mon 2026-03-16: 1 immediate, 1 moderate, 2 of 3 traders cut "
        "[rung 2 rules]"
    )
