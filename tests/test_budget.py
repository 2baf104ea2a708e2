"""The minutes of a morning."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import config
from riskops.budget import BUDGETS, LIMITS_PATH, MAIL_PATH, OUTCOMES_PATH, Budget, budget, worst_case
from riskops.errors import ConfigurationError
from riskops.records import Verb
from tests.builders import SESSION

MORNING = datetime.combine(SESSION, config.MORNING_AT)
OVERRIDES = ("RISKOPS_TASK_RETRIES", "RISKOPS_RETRY_DELAY_SECONDS", "RISKOPS_TIME_OUT_SECONDS")


def test_limits_stand_by_their_cut_off_in_the_worst_case():
    assert MORNING + worst_case(LIMITS_PATH) <= datetime.combine(SESSION, config.LATEST_CUT_OFF)


def test_the_mail_is_out_on_time_in_the_worst_case():
    assert MORNING + worst_case(MAIL_PATH) <= datetime.combine(SESSION, config.MAIL_DUE_AT)


def test_outcomes_are_recorded_in_the_worst_case_before_the_worst_case_composes_the_mail():
    assert worst_case(OUTCOMES_PATH) <= worst_case(LIMITS_PATH)


def test_the_worst_case_counts_every_try_and_every_pause():
    thrice = Budget(2, timedelta(minutes=8), timedelta(minutes=1), timedelta(minutes=3))
    assert thrice.worst_case == timedelta(minutes=3 * 8 + 2 * 3)


def test_every_verb_has_a_budget_with_at_least_one_retry():
    assert BUDGETS.keys() == set(Verb)
    assert min(allowed.retries for allowed in BUDGETS.values()) >= 1


def test_no_pause_begins_longer_than_it_may_become():
    assert all(allowed.delay <= allowed.longest_delay for allowed in BUDGETS.values())


def test_without_overrides_the_budget_is_the_table():
    assert {verb: budget(verb, {}) for verb in Verb} == dict(BUDGETS)


@given(
    st.sampled_from(Verb),
    st.dictionaries(st.sampled_from(OVERRIDES), st.integers(0, 86_400).map(str)),
)
@settings(max_examples=200, deadline=None)
def test_overrides_only_shorten(verb: Verb, environ: dict[str, str]):
    allowed, standard = budget(verb, environ), BUDGETS[verb]
    assert allowed.retries <= standard.retries
    assert allowed.time_out <= standard.time_out
    assert allowed.delay <= standard.delay
    assert allowed.longest_delay <= standard.longest_delay
    assert allowed.worst_case <= standard.worst_case


def test_a_drill_shortens_every_part():
    allowed = budget(Verb.INGEST, dict(zip(OVERRIDES, ("1", "2", "30"), strict=True)))
    assert allowed == Budget(1, timedelta(seconds=30), timedelta(seconds=2), timedelta(seconds=4))


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize(
    ("text", "complaint"),
    [("soon", "is no number"), *((text, "use a number from 0") for text in ("-1", "nan", "inf", "1e300"))],
)
def test_an_override_that_is_no_amount_is_refused_by_name(name: str, text: str, complaint: str):
    with pytest.raises(ConfigurationError, match=f"{name}='{text}'.{{1,3}}{complaint}"):
        budget(Verb.SEND, {name: text})
