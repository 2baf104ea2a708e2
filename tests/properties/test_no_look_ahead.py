"""Nothing known after the cut-off, and no session from S on, enters the decisions for S.

Nor does the order in which trades and traders were written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskops.pipeline.choose import choose
from riskops.pipeline.compare import compare
from riskops.pipeline.enrol import enrol
from riskops.pipeline.publish import publish_rules
from riskops.pipeline.score_model import score_pooled_model
from riskops.pipeline.score_rules import score_rules
from riskops.pipeline.stage import cut_off
from riskops.records import Verb
from tests.builders import CALENDAR, SESSION
from tests.desks import copied, forgotten, on_the_morning, opened, run_for
from tests.small_desks import BASE_CENTS, NIGHT, account_of, csv_desk, stormy, trade

RUN = run_for(SESSION, deliver=False)
RESULTS = stormy(traders=8, days=80)
TRADERS = sorted(RESULTS)
FIRST = CALENDAR.position(NIGHT) - 79


def decide(desk):
    """Return every score, the comparison and the decisions of the morning; the data count as checked."""
    mornings = desk.store.mornings
    mornings.finish(SESSION, 0, Verb.INGEST, {})
    mornings.finish(SESSION, 0, Verb.VALIDATE, {})
    for verb in (score_rules, score_pooled_model, compare, choose, publish_rules):
        verb(desk, RUN)
    return (
        mornings.rule_scores(SESSION, 0),
        mornings.model_scores(SESSION, 0),
        mornings.comparison(SESSION, 0),
        mornings.publication(SESSION, 0),
    )


@pytest.fixture(scope="module")
def template(keeper, tmp_path_factory):
    folder = keeper(tmp_path_factory.mktemp("known"))
    with csv_desk(folder, RESULTS) as desk:
        desk.store.mornings.record_cut_off(SESSION, 0, desk.clock())
    return folder


@pytest.fixture(scope="module")
def known(template, tmp_path_factory):
    with reopened(copied(template, tmp_path_factory.mktemp("decided"))) as desk:
        return decide(desk)


def reopened(folder):
    return opened(folder, on_the_morning(SESSION), RISKOPS_SOURCE="csv")


def with_more(template, folder, more):
    confirmed = [(t.account_id, t.session, t.known_at) for t in more]
    with reopened(copied(template, folder)) as desk:
        desk.store.transactions.add(more, confirmed, "test")
        decided = decide(desk)
    forgotten(folder)
    return decided


LATE = st.builds(
    lambda trader, back, usd, minutes: replace(
        trade(trader, CALENDAR.shift(SESSION, -back), usd),
        known_at=on_the_morning(SESSION)() + timedelta(minutes=minutes),
    ),
    trader=st.sampled_from(TRADERS),
    back=st.integers(1, 60),
    usd=st.integers(-20_000, 20_000),
    minutes=st.integers(1, 100_000),
)
AHEAD = st.builds(
    lambda trader, ahead, usd: replace(
        trade(trader, CALENDAR.shift(SESSION, ahead), usd), known_at=on_the_morning(NIGHT)()
    ),
    trader=st.sampled_from(TRADERS),
    ahead=st.integers(0, 20),
    usd=st.integers(-20_000, 20_000),
)


@given(more=st.lists(LATE | AHEAD, min_size=1, max_size=6, unique_by=lambda t: (t.account_id, t.session)))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trades_and_coverage_known_after_the_cut_off_or_of_later_sessions_change_nothing(
    more, known, template, tmp_path_factory
):
    told = [replace(t, trade_id=f"late-{t.session}") for t in more]
    assert with_more(template, tmp_path_factory.mktemp("later"), told) == known


def test_the_same_trades_known_in_time_do_change_the_decisions(known, template, tmp_path):
    disaster = trade(TRADERS[0], NIGHT, -15_000)
    rules, _model, _comparison, publication = with_more(template, tmp_path, [disaster])
    assert rules != known[0]
    assert publication.decisions != known[3].decisions


def test_the_morning_of_these_tests_has_scores_of_both_engines(known):
    rules, model, comparison, publication = known
    assert len(rules) == len(model) == len(publication.decisions) == len(TRADERS)
    assert comparison.desk_days > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_trades_and_traders_does_not_matter(seed, known, folder):
    trades = [
        trade(
            trader, CALENDAR.session_at(FIRST + i), usd, trade_id=f"{CALENDAR.session_at(FIRST + i)}-{trader}"
        )
        for trader, results in RESULTS.items()
        for i, usd in enumerate(results)
    ]
    shuffled = np.random.default_rng(seed)
    traders = [TRADERS[i] for i in shuffled.permutation(len(TRADERS))]
    trades = [trades[i] for i in shuffled.permutation(len(trades))]
    assert traders != TRADERS
    with reopened(folder) as desk:
        for trader in traders:
            enrol(desk, trader, "", account_of(trader), BASE_CENTS, CALENDAR.session_at(FIRST))
        for part in (trades[: len(trades) // 3], trades[len(trades) // 3 :]):
            desk.store.transactions.add(part, [], "test")
        desk.store.mornings.record_cut_off(SESSION, 0, desk.clock())
        assert cut_off(desk, RUN) == desk.clock()
        assert decide(desk) == known
