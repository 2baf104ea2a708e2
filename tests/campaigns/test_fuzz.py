"""Wrong files, settings and inboxes: all that is good is stored to the cent, or nothing and a clear error."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from riskops.errors import InputError
from riskops.pipeline.load import load_file
from riskops.sources.csv_files import read_with_rejects
from riskops.sources.mappings import mapping_named
from riskops.store.roster import NEWEST
from riskops.store.transactions import Transactions
from tests.campaigns.fuzz import KINDS, Result, World, build_world, campaign, in_memory, try_case

MANY = 1_500
SEED = 20_260_316

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.xdist_group("fuzz"),
    pytest.mark.filterwarnings("ignore:DatetimeIndex.weekday is deprecated"),  # of other exchanges' calendars
]


@pytest.fixture(scope="module")
def work():
    folder = Path(tempfile.mkdtemp(dir=in_memory()))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def world(work):
    return build_world(work / "templates")


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def attempt(kind: str, cases: int, world: World, work: Path) -> list[Result]:
    """Try cases of one kind."""
    return [try_case(world, SEED, n, work / kind / str(n), kind) for n in range(cases)]


def problems(results: list[Result]) -> list[str]:
    return [f"{result.kind}: {result.problem}" for result in results if result.problem]


@pytest.mark.fault(
    what="a file of transactions is damaged or wrong",
    gets="all that is good of it, to the cent, or a clear error that names the file; never half a file",
    rung="-",
    label="InputError, exit code 12",
    told="whoever loads the file",
)
def test_a_spoiled_file_of_history_is_stored_to_the_cent_or_refused_whole(world, work):
    tried = attempt("history file", 70, world, work)
    assert problems(tried) == []
    assert {"loaded", "refused: InputError"} <= {result.outcome for result in tried}


@pytest.mark.fault(
    what="the night's file is damaged, or the inbox holds odd things",
    gets="the rules' limits for every account read whole, held limits for the others, on time",
    rung="2; 3 for the accounts concerned",
    label="Account ... was not fetched",
    told="risk managers (mail)",
)
def test_a_spoiled_night_is_fetched_whole_by_account_and_the_mail_leaves(world, work):
    tried = attempt("night file", 40, world, work)
    assert problems(tried) == []
    assert {"ingested", "partly ingested", "refused: SourceError"} == {result.outcome for result in tried}


@pytest.mark.fault(
    what="a setting is wrong",
    gets="no run with a wrong setting: a clear error names it",
    rung="-",
    label="ConfigurationError, exit code 11",
    told="whoever ran the command; on-call through the failed task",
)
def test_a_spoiled_setting_is_used_as_it_is_or_refused_by_name(world, work):
    tried = attempt("settings", 45, world, work)
    assert problems(tried) == []
    assert {"refused", "accepted"} == {result.outcome for result in tried}


@pytest.mark.parametrize("kind", ["load command", "status command"])
def test_the_command_line_shows_no_traceback(kind, world, work):
    assert problems(attempt(kind, 1, world, work)) == []


@pytest.mark.timeout(1_800)
def test_many_cases_keep_the_promise(world, work):
    tried = list(campaign(world, SEED, range(MANY), work / "many", work / "kept"))
    assert problems(tried) == []
    assert set(KINDS) == set(Counter(result.kind for result in tried))


class TestTheCampaignCanFail:
    """Loaders that break the promise are caught."""

    @pytest.fixture
    def found(self, world, work, tmp_path):
        def run(load, cases=25):
            results = (
                try_case(replace(world, load=load), SEED, n, tmp_path / str(n), "history file")
                for n in range(cases)
            )
            return " ".join(problems(list(results)))

        return run

    def test_a_loader_that_keeps_the_rows_before_a_bad_one_is_caught(self, found):
        def half(desk, path, mapping, quarantine):
            rows = read_with_rejects(
                path,
                mapping_named(mapping),
                desk.calendar,
                {account.account_id for account in desk.store.roster.accounts(NEWEST)},
                desk.clock(),
                desk.calendar.history_known_at,
            )
            for row in rows:
                if not hasattr(row, "trade_id"):
                    raise InputError(f"{path.name}: line {row.line_number} is wrong.")
                desk.store.transactions.add([row], [], "half")

        assert "an error left something of the file behind" in found(half)

    def test_a_loader_that_loses_a_row_is_caught(self, found, monkeypatch):
        whole = Transactions.add

        def one_less(self, arriving, *arguments):
            return whole(self, islice(arriving, 1, None), *arguments)

        def load(desk, path, mapping, quarantine):
            monkeypatch.setattr(Transactions, "add", one_less)
            try:
                load_file(desk, path, mapping, quarantine=quarantine)
            finally:
                monkeypatch.setattr(Transactions, "add", whole)

        assert "the file says" in found(load)

    def test_another_exception_is_caught(self, found):
        assert "KeyError" in found(lambda *_: {}["account"], cases=1)

    def test_an_error_without_the_file_s_name_is_caught(self, found):
        def unclear(*_):
            raise InputError("Something is wrong.")

        assert "the error names none of" in found(unclear, cases=1)

    def test_the_folder_of_a_broken_case_is_kept(self, world, tmp_path):
        def broken(*_):
            raise KeyError("account")

        broken_world = replace(world, load=broken)
        results = list(campaign(broken_world, SEED, range(6), tmp_path / "work", tmp_path / "kept"))
        kept = [folder for folder in (tmp_path / "kept").iterdir() if (folder / "problem.txt").exists()]
        assert len(kept) == len(problems(results)) > 0
        assert all("KeyError" in (folder / "problem.txt").read_text() for folder in kept)
