"""The view model: who stands where, and what must be said in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.records import Confidence, ModelScore, Rule, Rung, Severity, TrackRecord, Verdict
from riskops.report.changes import of_the_mail_before
from riskops.report.content import Background, Content, Detail, Entry, content
from tests.golden.mornings import (
    MORNINGS,
    check,
    comparison,
    decision,
    held,
    model_decides,
    model_failed,
    own_models,
    publication,
    scores,
    seed_desk,
    usual,
)

SOUND = (check(),)
SCORES = scores()


def told_of(entry: Entry) -> dict[str, str]:
    return {detail.label: detail.text for detail in entry.details}


def mail_of(*decisions, found=None, checks=SOUND, share=0.3, model=SCORES, **changes) -> Content:
    return content(publication(decisions, **changes), found, checks, model, share)


def test_exactly_forty_is_moderate_and_above_forty_is_immediate():
    mail = mail_of(decision("1", 40), decision("2", 45), decision("3", 20), decision("4", 15))
    assert [entry.percent for entry in mail.immediate] == ["45%"]
    assert [entry.percent for entry in mail.moderate] == ["40%", "20%"]
    assert [entry.percent for entry in mail.others] == ["15%"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 16).map(lambda step: 5 * step), max_size=60))
def test_every_trader_stands_in_exactly_one_section(reductions):
    desk = [decision(str(number), reduction) for number, reduction in enumerate(reductions)]
    mail = mail_of(*desk)
    listed = len(mail.immediate) + len(mail.moderate) + len(mail.others)
    assert listed + sum(group.count for group in mail.full_limits) == len(desk)
    assert sum(count for _, count in mail.counts) == len(desk)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 16).map(lambda step: 5 * step), max_size=20))
def test_restrictions_applied_counts_every_cut_and_high_risk_only_immediate_ones(reductions):
    summary = dict(mail_of(*(decision(str(n), r) for n, r in enumerate(reductions))).summary)
    assert summary["Restrictions applied"] == str(sum(r > 0 for r in reductions))
    assert summary["High risk"] == str(sum(r > 40 for r in reductions))


@pytest.mark.parametrize(
    ("rung", "system"),
    [
        (Rung.MODEL, "Pooled model"),
        (Rung.RULES, "Rules-based (baseline)"),
        (Rung.HOLD, "Held limits"),
        (Rung.FLOOR, "Floor"),
    ],
)
def test_the_system_and_the_subject_name_the_rung(rung, system):
    mail = mail_of(decision(), rung=rung)
    assert dict(mail.summary)["System"] == system
    assert f"rung {int(rung)} {rung.name.lower()}" in mail.subject


def test_the_largest_cut_comes_first():
    mail = mail_of(decision("1", 50), decision("2", 80), decision("3", 60))
    assert [entry.percent for entry in mail.immediate] == ["80%", "60%", "50%"]


def test_traders_without_a_cut_are_grouped_by_limit_and_the_nearest_to_a_cut_are_named():
    small = decision("2", base_limit_cents=250_000, limit_cents=250_000, flip_distance_cents=12_050)
    mail = mail_of(decision("1"), small, decision("3", flip_distance_cents=None))
    assert [(group.limit, group.count) for group in mail.full_limits] == [("$5,000", 2), ("$2,500", 1)]
    assert mail.nearest == "Trader 2 after $121 more loss, Trader 1 after $310 more loss"


def test_a_trader_without_a_cut_who_has_a_note_is_named():
    mail = mail_of(decision("1", notes=("2 results estimated",)))
    assert mail.others[0].order == "No cut"
    assert Detail("Note", "2 results estimated") in mail.others[0].details


def test_a_track_record_without_days_is_left_out():
    never = TrackRecord(Rule.STREAK, hits=0, days=0, desk_hits=0, desk_days=0)
    entry = mail_of(decision("1", 50, track_record=never)).immediate[0]
    assert entry.confidence == "medium"


def test_the_record_of_a_signal_names_hits_days_and_the_desk():
    record = TrackRecord(Rule.STREAK, hits=4, days=17, desk_hits=312, desk_days=2600)
    entry = mail_of(decision("1", 50, track_record=record)).immediate[0]
    assert entry.confidence == "medium; large loss on 4 of 17 such days (desk: 12 %)"


def test_a_model_number_without_a_reason_is_not_printed():
    silent = replace(scores()[1], reasons=())
    mail = content(publication((decision("3951", 30),)), comparison(), [check()], [silent], None)
    assert not any(label.startswith("Pooled model") for label in told_of(mail.moderate[0]))


def test_the_model_in_shadow_is_told_only_where_it_would_decide_otherwise():
    label = "Pooled model (shadow) would cut by 40%"
    severe, differs = usual().immediate[0], usual().moderate[1]
    assert told_of(differs)[label] == "volatility above its usual level"
    assert not any(label.startswith("Pooled model") for label in told_of(severe))


def shadowed(*cuts, gain=38.0) -> Content:
    """Return the mail of traders whom the model in shadow would cut by `cuts`, the rules by nothing."""
    desk = tuple(decision(str(number), notes=("a note",)) for number in range(len(cuts)))
    given = [ModelScore(str(n), 0.1, cut, gain, 1.0, ("a reason",)) for n, cut in enumerate(cuts)]
    return content(publication(desk), comparison(), [check()], given, None)


def test_only_the_three_largest_differences_to_the_model_in_shadow_are_told():
    mail = shadowed(10, 40, 20, 30, 0)
    assert mail.evidence[-1] == (
        "In shadow the model would cut further (the 3 largest of 4): "
        "Trader 1 40% (not 0%), Trader 3 30% (not 0%), Trader 2 20% (not 0%)."
    )
    told = [e.trader for e in mail.others if any("shadow" in label for label in told_of(e))]
    assert told == ["Trader 1", "Trader 2", "Trader 3"]


def test_three_differences_are_told_without_counting_them():
    line = "In shadow the model would cut further: Trader 1 40% (not 0%), Trader 0 10% (not 0%)."
    assert shadowed(10, 40).evidence[-1] == line


@pytest.mark.parametrize(("gain", "is_told"), [(-5.0, False), (0.50, False), (0.51, True)])
def test_a_difference_to_the_model_is_told_only_above_the_material_gain(gain, is_told):
    mail = shadowed(40, gain=gain)
    assert any("In shadow" in line for line in mail.evidence) is is_told
    assert any("shadow" in label for label in told_of(mail.others[0])) is is_told


def test_the_model_that_decides_is_not_in_shadow():
    mail = mail_of(decision("3951", 30, rung=Rung.MODEL), found=comparison(), rung=Rung.MODEL)
    assert not any("shadow" in label for label in told_of(mail.moderate[0]))
    assert not any("In shadow" in line for line in mail.evidence)


def test_a_held_limit_is_not_compared_with_the_model():
    desk = (held("3951", 30, quarantined=True),)
    mail = content(publication(desk), comparison(), [check()], scores(), None)
    assert not any(label.startswith("Pooled model") for label in told_of(mail.moderate[0]))
    assert not any("In shadow" in line for line in mail.evidence)


@pytest.mark.parametrize(("risk", "told"), [(0.114, "11 %"), (None, None), (float("nan"), None)])
def test_the_risk_of_a_large_loss_is_told_where_it_is_known(risk, told):
    entry = mail_of(decision("1", 50, large_loss_probability=risk), found=comparison()).immediate[0]
    assert told_of(entry).get("Risk of a large loss") == told


@pytest.mark.parametrize(("losses", "is_told"), [(0, False), (29, False), (30, True)])
def test_the_risk_of_a_large_loss_is_told_from_thirty_large_losses_on(losses, is_told):
    mail = mail_of(decision("1", 50, large_loss_probability=0.114), found=comparison(large_loss_days=losses))
    so_far = f"The risk of a large loss is not shown yet ({losses} of 30 large-loss days)."
    assert ("Risk of a large loss" in told_of(mail.immediate[0])) is is_told
    assert (so_far in mail.evidence) is not is_told


def test_without_a_comparison_nobody_knows_what_the_risk_of_a_large_loss_rests_on():
    mail = mail_of(decision("1", 50, large_loss_probability=0.114))
    assert "Risk of a large loss" not in told_of(mail.immediate[0])


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (249, "smallest detectable advantage not known yet (249 of 250 desk-days)"),
        (250, "smallest detectable advantage $95 a day"),
    ],
)
def test_the_smallest_detectable_advantage_is_told_from_250_desk_days_on(days, told):
    assert mail_of(decision(), found=comparison(desk_days=days)).evidence[0].endswith(f"; {told}")


def test_the_way_back_has_a_sentence_a_signal_and_none_is_cut_short():
    clauses = [f"signal {number}: {'long ' * 40}way" for number in range(4)]
    entry = mail_of(decision("1", 50, way_back="; ".join(clauses))).immediate[0]
    (way_back,) = [detail.items for detail in entry.details if detail.label == "Way back"]
    assert way_back == tuple(clause.capitalize() for clause in clauses)


def test_a_fact_that_a_note_tells_more_fully_is_told_once():
    fuller = "Easing from 30% (Fri 2026-03-13: Loss streak (4 days))"
    entry = usual().others[0]
    assert entry.reasons == fuller
    assert "Note" not in told_of(entry)


def test_a_remark_is_no_failure():
    idle = check("idle traders", severity=Severity.INFO, passed=False, trader_id="1", detail="no trades")
    mail = mail_of(decision(), checks=(check(), idle))
    assert mail.health[:2] == ("1 of 2 checks passed, 1 remark", "REMARK: Trader 1: no trades")
    assert mail.alerts == ()


TOO_LITTLE = "The pooled model has too little data yet (120 of 250 trader-days)."


@pytest.mark.parametrize("desk_days", [0, 90])
def test_a_desk_too_young_for_the_model_is_told_how_much_there_is_and_of_no_failure(desk_days):
    found = comparison(desk_days=desk_days, reason=TOO_LITTLE)
    mail = mail_of(decision(), found=found, model=(), why=TOO_LITTLE)
    assert mail.evidence == (TOO_LITTLE,)
    assert dict(mail.footer)["Rung"] == f"2 rules - {TOO_LITTLE}"
    assert mail.alerts == ()
    assert "fail" not in " ".join((mail.subject, *dict(mail.footer).values())).lower()


def test_a_desk_with_nothing_to_compare_says_only_that():
    found = comparison(desk_days=0, reason="Nothing to compare yet: 0 of 5,000 trader-days.")
    assert mail_of(decision(), found=found).evidence == (found.reason,)


def test_a_hold_without_reasons_still_names_the_session_it_stands_on():
    entry = mail_of(held("1", 60, reasons=()), rung=Rung.HOLD).immediate[0]
    assert entry.reasons == "Held from 2026-03-13, held session 1"
    assert entry.standing == "HELD (rung 3)"


def test_a_failed_model_is_told_in_subject_and_alerts():
    mail = model_failed()
    assert "model failed" in mail.subject
    assert any(alert.startswith("MODEL FAILED") and "gave no scores" in alert for alert in mail.alerts)
    assert "FAULT: This is a drill: RISKOPS_FAULT=model_raises" in mail.alerts


def test_own_models_that_stand_in_are_told_in_subject_summary_and_footer():
    mail = own_models()
    assert "[rung 2+T rules, model failed]" in mail.subject
    assert ("System", "Rules-based, tightened by the traders' own models") in mail.summary
    assert any(value.startswith("2+T rules - ") and "own models" in value for _, value in mail.footer)


def test_the_meter_of_a_champion_says_what_would_demote_it():
    assert any("evidence to demote it: e = 1.2 of 3" in line for line in model_decides().evidence)


def test_a_promoted_model_that_was_not_used_is_told():
    mail = mail_of(decision(), verdict=Verdict.MODEL_WINS)
    assert any(alert.startswith("MODEL NOT USED") for alert in mail.alerts)


@pytest.mark.parametrize(("rung", "word"), [(Rung.HOLD, "HELD LIMITS"), (Rung.FLOOR, "FLOOR")])
def test_a_low_rung_is_an_alert_with_its_reason(rung, word):
    alerts = mail_of(held("1", 50), rung=rung, why="the ingest failed").alerts
    assert f"{word} (rung {int(rung)}): the ingest failed" in alerts


@pytest.mark.parametrize("rung", [Rung.HOLD, Rung.FLOOR])
def test_below_the_rules_nobody_is_told_that_the_model_failed(rung):
    mail = mail_of(held("1", 50), rung=rung, verdict=Verdict.MODEL_FAILED, why="the ingest failed")
    assert not any("MODEL" in alert for alert in mail.alerts)
    assert "model failed" not in mail.subject


def test_a_quarantined_trader_is_named_at_the_top_and_counted_in_the_subject():
    mail = mail_of(decision("1", 50), held("2", 40, quarantined=True))
    assert "QUARANTINED, their data failed: Trader 2." in mail.alerts
    assert "1 quarantined" in mail.subject
    assert mail.moderate[0].standing == "QUARANTINED (data failed), HELD (rung 3)"


def test_a_usual_morning_has_no_alert():
    assert usual().alerts == ()


@pytest.mark.parametrize(("share", "warned"), [(None, False), (0.45, False), (0.4501, True), (0.9, True)])
def test_the_desk_is_warned_only_above_45_percent_restricted(share, warned):
    alerts = mail_of(decision(), share=share).alerts
    assert any("calibrating" in alert for alert in alerts) is warned


def test_a_morning_without_any_check_is_an_alert():
    assert "NO DATA CHECK was carried out this morning." in mail_of(decision(), checks=()).alerts


def test_failed_checks_are_listed_the_gravest_first_and_a_raised_one_is_critical():
    warning = check("late", severity=Severity.WARNING, passed=False, detail="late by a day")
    raised = check("schema", severity=Severity.WARNING, passed=False, raised=True, detail="no table")
    mail = mail_of(decision(), checks=(check(), warning, raised))
    assert mail.health[0] == "1 of 3 checks passed"
    assert mail.health[1] == "CRITICAL: The check schema could not be carried out: no table"
    assert mail.health[2] == "WARNING: late by a day"
    assert "CRITICAL: 1 data problem, see data health." in mail.alerts


def test_hundreds_of_failed_checks_are_counted_not_listed():
    mail = mail_of(decision(), checks=[check(str(n), passed=False) for n in range(300)])
    assert len(mail.health) < 20
    assert "and 288 more failed checks" in mail.health


def test_the_meter_says_how_far_the_weakest_test_has_come():
    assert usual().evidence[0] == (
        "Model e = 3.1 of 20, about 70 more sessions at this pace; smallest detectable advantage $95 a day"
    )
    assert 'does not mean "no better"' in usual().evidence[1]


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        (1, "about 1 more session at this pace"),
        (2_520, "about 2,520 more sessions at this pace"),
        (2_521, "more than ten years to go at this pace"),
    ],
)
def test_a_wait_of_more_than_ten_years_is_not_counted(sessions, told):
    found = comparison(sessions_to_go=sessions)
    assert f", {told};" in mail_of(decision(), found=found).evidence[0]


def test_the_meter_of_a_later_specification_has_its_own_bar():
    found = comparison(information={"bar": 131.6})
    assert mail_of(decision(), found=found).evidence[0].startswith("Model e = 3.1 of 132,")


@pytest.mark.parametrize("detectable", [None, float("nan"), float("inf")])
def test_the_meter_copes_with_what_is_not_known(detectable):
    found = comparison(sessions_to_go=None, smallest_detectable_usd=detectable)
    assert mail_of(decision(), found=found).evidence[0] == (
        "Model e = 3.1 of 20, the evidence is not growing; smallest detectable advantage not known yet"
    )


def test_a_morning_without_comparison_says_so():
    assert mail_of(decision()).evidence == ("No comparison of model and rules was recorded this morning.",)


def test_the_shadow_line_names_whom_the_model_would_cut_further():
    assert "In shadow the model would cut further: Trader 3951 40% (not 30%)." in usual().evidence


def correcting(before, **changes) -> Content:
    told = Background(earlier=of_the_mail_before(before))
    return content(replace(before, revision=1, **changes), None, [check()], (), None, background=told)


def test_a_correction_lists_the_differences():
    before = publication()
    mail = correcting(before, decisions=(decision("3942", 60), *before.decisions[1:-1], decision("4000", 20)))
    assert mail.subject.startswith("CORRECTION 1: ")
    assert mail.changes.title == "Changed against the mail before"
    assert [change.in_line for change in mail.changes.rows] == [
        "Trader 3942: $2,500 (cut 50%) -> $2,000 (cut 60%), -$500",
        "Trader 4000: none -> $4,000 (cut 20%), new",
        "Trader 3969: $5,000 (cut 0%) -> no trading",
    ]


def test_a_correction_without_differences_says_so():
    changes = correcting(publication()).changes
    assert (changes.rows, changes.unchanged) == ((), "No limit changed.")


def test_the_footer_tells_rung_why_cut_off_in_new_york_and_version():
    footer = dict(usual().footer)
    assert footer["Rung"].startswith("2 rules - Not promoted")
    assert footer["Cut-off"] == "06:12 New York time, Mon 16 Mar 2026"
    assert footer["Code version"] == "0.1.0"


@pytest.mark.parametrize(("revision", "told"), [(0, None), (1, "1")])
def test_the_revision_is_told_where_there_is_one(revision, told):
    assert dict(mail_of(decision(), revision=revision).footer).get("Revision") == told


def test_the_number_of_checks_is_told_once():
    mail = usual()
    assert mail.health[0] == "2 of 3 checks passed, 1 remark"
    assert not any("checks passed" in value for value in (*mail.health[1:], *dict(mail.footer).values()))


def test_clipped_days_are_told_with_what_was_clipped_and_why():
    assert mail_of(decision(), found=comparison(clipped_days=1)).evidence[-1] == (
        "On 1 desk-day model and rules differed by so much that the test counts only part of it (clipped), "
        "so that no single day decides."
    )
    unclipped = mail_of(decision(), found=comparison(clipped_days=0)).evidence
    assert not any("clipped" in line for line in unclipped)


def test_a_veto_is_told_in_plain_words():
    vetoed = mail_of(decision(), found=comparison(vetoed=True)).evidence
    assert "One ruinous day of the model vetoes its promotion for now." in vetoed


def test_a_sealed_session_tells_when_it_was_sealed():
    made = publication()
    mail = content(made, None, [check()], (), None, sealed_at=made.cut_off)
    assert dict(mail.footer)["Sealed"] == "06:12 New York time, Mon 16 Mar 2026"


def test_the_confidence_is_the_decision_s():
    for confidence in Confidence:
        assert mail_of(decision("1", 50, confidence=confidence)).immediate[0].confidence == confidence.value


def test_a_cut_that_only_eases_has_no_confidence_of_its_own():
    easing = decision("1", 50, reasons=("Easing from 70% (Fri 2026-03-13)",))
    assert mail_of(easing).immediate[0].confidence == ""
    fired = replace(easing, reasons=("Loss streak (3 days)", *easing.reasons))
    assert mail_of(fired).immediate[0].confidence == "medium"
    young = replace(easing, confidence=Confidence.LOW)
    assert mail_of(young).immediate[0].confidence == "low"


def test_the_seed_desk_has_one_immediate_and_three_moderate_of_fifteen():
    assert len(seed_desk()) == 15
    assert usual().headline == "1 immediate, 3 moderate, 5 of 15 traders cut"


def test_every_kept_morning_can_be_arranged():
    assert all(morning().title for morning in MORNINGS.values())
