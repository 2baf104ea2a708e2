"""Records survive their way through a JSON column unchanged."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from riskops.records import Comparison, Decision, ModelScore, RuleScore, Signal
from riskops.store.documents import from_document, to_document

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=20)
FIGURES = st.dictionaries(TEXTS, FINITE, max_size=3)
SIGNALS = st.builds(Signal, numbers=st.dictionaries(TEXTS, FINITE | st.integers() | TEXTS, max_size=3))
RECORDS = st.one_of(
    st.builds(RuleScore, signals=st.lists(SIGNALS, max_size=3).map(tuple)),
    st.builds(ModelScore, large_loss_probability=FINITE, gain_usd=FINITE, gain_se_usd=FINITE),
    st.builds(
        Comparison,
        e_values=st.tuples(FINITE, FINITE, FINITE, FINITE),
        challenger_benefit_usd=FINITE,
        rules_benefit_usd=FINITE,
        smallest_detectable_usd=st.none() | FINITE,
        table=st.dictionaries(TEXTS, FIGURES, max_size=2),
        information=FIGURES,
    ),
    st.builds(Decision, large_loss_probability=st.none() | FINITE),
)


@given(RECORDS)
@settings(max_examples=150, deadline=None)
def test_a_record_comes_back_equal_from_json(record):
    stored = json.dumps(to_document(record), allow_nan=False)
    assert from_document(type(record), json.loads(stored)) == record
