"""The limits file: the same limits give the same bytes, and nobody acts on a changed one."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskops import limits_file
from riskops.errors import LimitsFileError
from riskops.limits_file import COLUMNS, State, as_csv, as_json, from_json, inert
from riskops.records import Overridden, Rung
from tests.builders import CALENDAR, SESSION
from tests.small_desks import DECISION, PUBLICATION

OTHER = replace(DECISION, trader_id="3951", name='Zoë, "Z"', reduction=0, limit_cents=500_000, reasons=())
HELD = replace(
    DECISION,
    trader_id="3960",
    rung=Rung.HOLD,
    held_from=CALENDAR.previous(SESSION),
    held_sessions=1,
    held_reduction=30,
    held_limit_cents=350_000,
)
WORD = Overridden(12, "anna", "news", SESSION, decided_reduction=40, decided_limit_cents=300_000)
BY_A_WORD = replace(DECISION, reduction=60, limit_cents=200_000, override=WORD)
OVERRIDDEN = limits_file.limits_file(replace(PUBLICATION, decisions=(BY_A_WORD,)), "desk", State.DECIDED)
FILE = limits_file.limits_file(replace(PUBLICATION, decisions=(OTHER, DECISION, HELD)), "desk", State.DECIDED)


def rows_of(file):
    return list(csv.DictReader(io.StringIO(as_csv(file).decode(), newline="")))


def test_a_line_tells_the_limit_in_dollars_and_everything_a_hold_needs():
    document = json.loads(as_json(FILE))
    assert (document["session"], document["state"], document["deployment"]) == (
        "2026-03-16",
        "decided",
        "desk",
    )
    assert document["limits"][0] == {
        "trader_id": "3942",
        "name": "Daniel Mercer",
        "limit_usd": "3000.00",
        "reduction_percent": 40,
        "base_limit_usd": "5000.00",
        "rung": 2,
        "held_sessions": 0,
        "held_from": None,
        "held_reduction_percent": None,
        "held_limit_usd": None,
        "reasons": ["Drawdown 18.2%"],
        "decided_reduction_percent": 40,
        "decided_limit_usd": "3000.00",
        "override": None,
    }
    assert (document["limits"][2]["held_from"], document["limits"][2]["held_limit_usd"]) == (
        "2026-03-13",
        "3500.00",
    )


def test_a_line_tells_whose_override_it_has_and_what_was_decided_without_it():
    line = json.loads(as_json(OVERRIDDEN))["limits"][0]
    assert (line["limit_usd"], line["reduction_percent"]) == ("2000.00", 60)
    assert (line["decided_limit_usd"], line["decided_reduction_percent"]) == ("3000.00", 40)
    told = {"number": 12, "by": "anna", "why": "news", "until": "2026-03-16"}
    assert line["override"] == told


@pytest.mark.parametrize("file", [FILE, OVERRIDDEN], ids=["decided", "overridden"])
def test_what_is_written_is_read_back(file):
    assert from_json(as_json(file)) == file


def layout_1(file):
    """Return a file as it was written before there were overrides."""
    document = json.loads(as_json(file)) | {"layout": 1}
    del document["checksum"]
    for line in document["limits"]:
        for name in ("decided_reduction_percent", "decided_limit_usd", "override"):
            del line[name]
    return json.dumps(document | {"checksum": limits_file._checksum(document)}).encode()


def test_a_file_from_before_overrides_is_read_what_it_says_was_decided():
    assert from_json(layout_1(FILE)) == FILE


@pytest.mark.parametrize("layout", [0, 3, "2", None])
def test_a_layout_that_is_not_known_is_refused(layout):
    document = json.loads(as_json(FILE)) | {"layout": layout}
    del document["checksum"]
    data = json.dumps(document | {"checksum": limits_file._checksum(document)}).encode()
    with pytest.raises(LimitsFileError, match="layout"):
        from_json(data)


CENTS = st.integers(1, 10**9)
LINES = st.builds(
    lambda name, base, share, reduction: limits_file.LimitLine(
        name, name, base, reduction, max(1, base * share // 100), Rung.RULES
    ),
    st.text(max_size=20),
    CENTS,
    st.integers(1, 100),
    st.integers(0, 80),
)


@given(st.lists(LINES, max_size=4, unique_by=lambda line: line.trader_id))
@settings(max_examples=60, deadline=None)
def test_any_limits_are_read_back_and_give_one_row_each(lines):
    file = replace(FILE, lines=tuple(lines))
    assert from_json(as_json(file)) == file
    assert as_json(from_json(as_json(file))) == as_json(file)
    rows = rows_of(file)
    assert len(rows) == len(lines)
    assert [row["limit_usd"] for row in rows] == [f"{line.limit_cents / 100:.2f}" for line in lines]


def test_the_order_of_decisions_does_not_matter():
    shuffled = replace(PUBLICATION, decisions=(HELD, DECISION, OTHER))
    assert limits_file.limits_file(shuffled, "desk", State.DECIDED) == FILE


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_file_with_any_byte_changed_is_refused_or_says_the_same(data):
    whole = bytearray(as_json(FILE))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        assert from_json(bytes(whole)) == FILE
    except LimitsFileError:
        return


@pytest.mark.fault(
    what="the limits file was changed or is cut short",
    gets="no limit is made from it",
    rung="-",
    label="LimitsFileError",
    told="on-call, by the watchdog that needs it: exit code 23",
)
@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"null", b"\xff", as_json(FILE)[:-40], as_json(FILE).replace(b"3000", b"4000")],
)
def test_what_is_no_whole_limits_file_is_refused(data):
    with pytest.raises(LimitsFileError):
        from_json(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"limit_cents": 600_000},
        {"limit_cents": 0},
        {"reduction": 90},
        {"rung": Rung.HOLD},
        {"trader_id": "3951"},
        {"override": replace(WORD, decided_reduction=90)},
        {"override": replace(WORD, decided_limit_cents=600_000)},
    ],
)
def test_limits_that_cannot_have_been_decided_are_refused_although_the_checksum_matches(changes):
    file = replace(FILE, lines=(replace(FILE.lines[0], **changes), *FILE.lines[1:]))
    with pytest.raises(LimitsFileError, match="layout"):
        from_json(as_json(file))


class TestCsv:
    def test_a_row_has_every_column_and_the_checksum_of_the_json(self):
        first = rows_of(FILE)[0]
        assert tuple(first) == COLUMNS
        assert first["checksum"] == json.loads(as_json(FILE))["checksum"]
        assert (first["trader_id"], first["limit_usd"], first["state"]) == ("3942", "3000.00", "decided")

    @pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1"])
    def test_a_cell_that_could_be_read_as_a_formula_is_text(self, name):
        file = replace(FILE, lines=(replace(FILE.lines[0], name=name),))
        assert rows_of(file)[0]["name"].startswith("'")

    @given(st.text(max_size=30))
    @settings(max_examples=200, deadline=None)
    def test_no_text_starts_a_formula_or_a_line_of_its_own(self, text):
        assert not inert(text).startswith(limits_file.FORMULA_STARTS)
        assert inert(text).isprintable()

    def test_an_override_has_columns_of_its_own(self):
        (cells,) = rows_of(OVERRIDDEN)
        assert (cells["limit_usd"], cells["decided_limit_usd"]) == ("2000.00", "3000.00")
        assert [cells[name] for name in ("override", "override_by", "override_until")] == [
            *("12", "anna", "2026-03-16")
        ]
        assert {row["override"] for row in rows_of(FILE)} == {""}

    def test_usual_names_are_left_alone(self):
        assert rows_of(FILE)[1]["name"] == 'Zoë, "Z"'


class TestWhereItLies:
    def test_both_forms_lie_in_the_session_s_folder_and_a_revision_has_its_own(self, tmp_path):
        assert limits_file.write(FILE, tmp_path) == tmp_path / "2026-03-16" / "limits.json"
        limits_file.write(replace(FILE, revision=1), tmp_path)
        names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("limits.*"))
        assert names == [
            "2026-03-16-r1/limits.csv",
            "2026-03-16-r1/limits.json",
            "2026-03-16/limits.csv",
            "2026-03-16/limits.json",
        ]

    def test_current_names_the_newest_session_and_never_goes_back(self, tmp_path):
        earlier = replace(FILE, session=SESSION - timedelta(days=3))
        for file, moves in (
            (earlier, True),
            (FILE, True),
            (earlier, False),
            (replace(FILE, revision=1), True),
        ):
            limits_file.write(file, tmp_path)
            assert limits_file.make_current(file, tmp_path) is moves
        assert limits_file.read_current(tmp_path) == replace(FILE, revision=1)

    def test_a_damaged_current_is_replaced(self, tmp_path):
        limits_file.write(FILE, tmp_path)
        limits_file.make_current(FILE, tmp_path)
        (tmp_path / "current" / "limits.json").write_bytes(b"half")
        with pytest.raises(LimitsFileError, match=r"current/limits\.json is refused"):
            limits_file.read_current(tmp_path)
        earlier = replace(FILE, session=SESSION - timedelta(days=3))
        limits_file.write(earlier, tmp_path)
        assert limits_file.make_current(earlier, tmp_path)

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(LimitsFileError, match=r"current/limits\.json cannot be read: No such file"):
            limits_file.read_current(tmp_path)
        assert limits_file.found(tmp_path, SESSION, 0) is None
