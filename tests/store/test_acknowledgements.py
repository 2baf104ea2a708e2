"""Acknowledgements: of one mail each, the first word of a person stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from riskops.records import Acknowledgement
from tests.builders import SESSION
from tests.desks import opened
from tests.small_desks import PUBLICATION

NOW = PUBLICATION.cut_off
ANNA = Acknowledgement(SESSION, 0, "anna", NOW, "limits set")
BERT = Acknowledgement(SESSION, 0, "bert", NOW - timedelta(minutes=1))


@pytest.fixture
def acknowledgements(folder):
    with opened(folder) as desk:
        yield desk.store.acknowledgements


def test_those_of_a_mail_come_back_the_first_one_first(acknowledgements):
    for said in (ANNA, BERT, replace(ANNA, revision=1)):
        acknowledgements.record(said)
    assert acknowledgements.of(SESSION, 0) == (BERT, ANNA)


def test_the_first_word_of_a_person_stands(acknowledgements):
    acknowledgements.record(ANNA)
    acknowledgements.record(replace(ANNA, note="no, not set"))
    assert acknowledgements.of(SESSION, 0) == (ANNA,)
