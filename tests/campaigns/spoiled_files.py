"""CSV files with something wrong in them: every spoiler draws what it does from a random generator."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from riskops.sources.mappings import CLOSED_TRADES, PERP_FILLS
from tests.builders import CALENDAR, SESSION
from tests.small_desks import account_of, row

TRADERS = ("3942", "3943", "3951")
DAYS = 4
Table = list[list[str]]

ODD_NUMBERS = (
    *(
        "",
        "NaN",
        "nan",
        "sNaN",
        "inf",
        "-inf",
        "Infinity",
        "1e308",
        "1e99",
        "-1e99",
        "1e-20",
        "0x10",
        "1_000",
    ),
    *("1,000", "1.000,50", "9" * 15, "-" + "9" * 15, "9" * 16, "9" * 400, "0.005", "0.015", "-0", "-0.005"),
    *(
        ".5",
        "5.",
        " 12 ",
        "+7",
        "--1",
        "1e",
        "١٢٣",
        "１２",
        "½",
        "0",
        "1e14",
        "99999999999999.99",
        "1e-8",
        "1e-9",
    ),
)
ODD_TIMES = (
    *(
        "",
        "2026-03-08T02:30:00",
        "2026-03-08T02:30:00-05:00",
        "2026-11-01T01:30:00-04:00",
        "2026-02-30T10:00:00Z",
    ),
    *(
        "9999-12-31T23:59:59+00:00",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2999-01-01T00:00Z",
    ),
    *(
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+23:59",
        "2004-12-31T10:00:00Z",
        "2005-01-01T10:00:00-05:00",
    ),
    *(
        "20260303T150000Z",
        "2026-W10-2",
        "2026-03-03",
        "2026-03-03T24:00:00Z",
        "2026-03-03T15:00:60Z",
        "15:00",
    ),
    *(
        "2026-03-03T15:00:00+24:00",
        "2026-03-03T15:00:00.1234567Z",
        "2026-03-03T15:00:00+00:00:30",
        "1e9",
        "now",
    ),
    *(
        "29-02-2025 10:00",
        "31-12-9998 23:59",
        "08-03-2026 2:30",
        "3/13/26",
        "00-00-0000 0:00",
        "01-01-0001 0:00",
    ),
)
ODD_TEXTS = (
    *(
        "",
        " ",
        "=1+1",
        "=cmd|'/c calc'!A0",
        "@SUM(A1:A9)",
        "+1+1",
        "-2+3",
        "\t=1",
        "'; DROP TABLE trades; --",
    ),
    *(
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "a/b",
        "C:\\nul",
        "\\\\host\\share",
        "%s%n",
        "{0}",
        "${HOME}",
        "`id`",
    ),
    *(
        "<script>alert(1)</script>",
        "[bold]",
        "[/bold]",
        "\x1b[31m",
        "\x00",
        "\x7f",
        "\u202e3942",
        "\u2028",
        "\ufeff",
    ),
    *("x" * 64, "x" * 65, "x" * 5_000, "x" * 66_000, "e\u0301", "🦊", "A3942 ", "a3942", "Ａ3942", "nobody"),
    *(
        '"',
        '""',
        '"a,b"',
        ",",
        ";",
        "None",
        "null",
        "NULL",
        "True",
        "0",
        "long",
        "SHORT",
        " short ",
        "USD",
        "EUR",
    ),
)
ODD_CELLS = (*ODD_NUMBERS, *ODD_TIMES, *ODD_TEXTS)


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout with a sound file of it: `pristine` are the lines of the file, the header first."""

    mapping: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def pristine(self) -> frozenset[bytes]:
        """The sound rows as they stand in the file."""
        return frozenset(_line(cells) for cells in self.rows)


def closed_trades() -> Layout:
    """Return a sound file of closed trades: three traders, four sessions, two trades each."""
    end = CALENDAR.position(SESSION)
    sessions = [CALENDAR.session_at(end - 10 + i) for i in range(DAYS)]
    rows = [
        row(trader, session, usd, f"fuzz-{session}-{trader}-{n}")
        for trader in TRADERS
        for session in sessions
        for n, usd in enumerate((120.125, -80.335))
    ]
    return Layout(CLOSED_TRADES.name, CLOSED_TRADES.columns, tuple(tuple(cells.values()) for cells in rows))


def night(layout: Layout) -> Layout:
    """Return the sound file of the night before the morning."""
    last = CALENDAR.previous(SESSION)
    rows = [row(trader, last, usd, f"night-{trader}-{usd}") for trader in TRADERS for usd in (75.5, -20.25)]
    return Layout(layout.mapping, layout.header, tuple(tuple(cells.values()) for cells in rows))


def fills() -> Layout:
    """Return a sound file of fills of a perpetual-futures venue."""
    extra = ("Transaction Hash", "Trade ID")
    header = (*PERP_FILLS.columns, *extra)
    words = list(PERP_FILLS.sides)
    rows = []
    for n in range(3 * len(words)):
        cells = {
            "Account": account_of(TRADERS[n % 3]),
            "Coin": "HYPE",
            "Direction": words[n % len(words)].title(),
            "Size Tokens": f"{n + 1}.5",
            "Timestamp IST": f"{n % 27 + 1:02}-01-2026 {n % 24}:{n % 60:02}",
            "Execution Price": f"{20 + n}.0125",
            "Closed PnL": f"{(-1) ** n * n}.123456",
            "Fee": "0.0345678",
        }
        rows.append((*(cells[name] for name in PERP_FILLS.columns), f"0x{n:08x}", "7.2E+14"))
    return Layout(PERP_FILLS.name, header, tuple(rows))


def _line(cells: Sequence[str]) -> bytes:
    """Return a row as CSV; cells with a comma or a quote are quoted."""
    quoted = ['"' + cell.replace('"', '""') + '"' if set(cell) & set(',"') else cell for cell in cells]
    return ",".join(quoted).encode("utf-8", "surrogatepass")


def as_bytes(table: Table) -> bytes:
    """Return a table as a file."""
    return b"".join(_line(cells) + b"\n" for cells in table)


# --- spoilers of cells, rows and columns ------------------------------------------------------


def _cell(table: Table, draw: Random) -> None:
    cells = draw.choice(table[1:] or table)
    if cells:
        cells[draw.randrange(len(cells))] = draw.choice(ODD_CELLS)


def _whole_column(table: Table, draw: Random) -> None:
    column, value = draw.randrange(len(table[0])), draw.choice(ODD_CELLS)
    for cells in table[1:]:
        if column < len(cells):
            cells[column] = value


def _huge_amounts(table: Table, draw: Random) -> None:
    """Repeat a row with amounts that are believable one by one and too large in sum."""
    pattern, amount = list(table[-1]), draw.choice(("9" * 15, "-" + "9" * 15, "99999999999999"))
    amounts = [i for i, name in enumerate(table[0]) if name in ("gross", "net", "Closed PnL")]
    for i in amounts:
        pattern[i] = amount
    if draw.random() < 0.5 and "quantity" in table[0]:
        pattern[table[0].index("quantity")] = "100000000000"
    ids = table[0].index("trade_id") if "trade_id" in table[0] else len(table[0]) - 1
    for n in range(draw.choice((3, 120))):
        table.append([f"huge-{n}" if i == ids else cell for i, cell in enumerate(pattern)])


def _cut_rows(table: Table, draw: Random) -> None:
    del table[draw.randrange(1, len(table) + 1) :]


def _lose_a_row(table: Table, draw: Random) -> None:
    del table[draw.randrange(len(table))]
    table.extend([] if table else [[""]])


def _duplicate_rows(table: Table, draw: Random) -> None:
    for _ in range(draw.randint(1, 3)):
        table.insert(draw.randrange(len(table)), list(draw.choice(table)))


def _reorder(table: Table, draw: Random) -> None:
    body = table[1:]
    draw.shuffle(body)
    table[1:] = body


def _ragged(table: Table, draw: Random) -> None:
    cells = draw.choice(table)
    if draw.random() < 0.5 and cells:
        cells.pop(draw.randrange(len(cells)))
    else:
        cells.insert(draw.randint(0, len(cells)), draw.choice(ODD_CELLS))


def _drop_column(table: Table, draw: Random) -> None:
    column = draw.randrange(len(table[0]))
    for cells in table:
        del cells[column : column + 1]


def _rename_column(table: Table, draw: Random) -> None:
    column = draw.randrange(len(table[0]))
    title = table[0][column]
    table[0][column] = draw.choice(
        (title.upper(), f" {title} ", f"{title}.1", "", "\ufeff" + title, "Net P&L")
    )


def _swap_titles(table: Table, draw: Random) -> None:
    one, other = draw.randrange(len(table[0])), draw.randrange(len(table[0]))
    table[0][one], table[0][other] = table[0][other], table[0][one]


def _swap_columns(table: Table, draw: Random) -> None:
    order = list(range(len(table[0])))
    draw.shuffle(order)
    for cells in table:
        cells[:] = [cells[i] for i in order if i < len(cells)]


def _double_column(table: Table, draw: Random) -> None:
    column = draw.randrange(len(table[0]))
    for cells in table:
        cells += cells[column : column + 1]


TABLE_SPOILERS: tuple[Callable[[Table, Random], None], ...] = (
    *(_cell, _cell, _cell, _whole_column, _huge_amounts, _cut_rows, _lose_a_row, _duplicate_rows, _reorder),
    *(_ragged, _drop_column, _rename_column, _swap_titles, _swap_columns, _double_column),
)


# --- spoilers of bytes ------------------------------------------------------------------------


def _flipped(data: bytes, draw: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8) if changed else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _inserted(data: bytes, draw: Random) -> bytes:
    at = draw.randint(0, len(data))
    what = draw.choice(
        (b"\x00", b'"', b"\r", b"\n", b",", b"\x1a", b"\xff", b"\xef\xbb\xbf", b"\xc3", b"\x0c")
    )
    return data[:at] + what + data[at:]


def _cut(data: bytes, draw: Random) -> bytes:
    return data[: draw.randint(0, len(data))]


def _spliced(data: bytes, draw: Random) -> bytes:
    one, other = sorted((draw.randint(0, len(data)), draw.randint(0, len(data))))
    return data[:one] + data[other:]


def _recoded(data: bytes, draw: Random) -> bytes:
    text = data.decode("utf-8", "replace").replace("SPY", "SPÝ")
    return text.encode(
        draw.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7")), "replace"
    )


def _line_ends(data: bytes, draw: Random) -> bytes:
    return data.replace(
        b"\n", draw.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\x85", b"\n \n", b"\n" * 400))
    )


def _wrapped(data: bytes, draw: Random) -> bytes:
    mark = b"\xef\xbb\xbf"
    return draw.choice(
        (mark + data, mark + mark + data, b"sep=,\n" + data, data.rstrip(b"\n"), data + b"\x1a")
    )


def _replaced(data: bytes, draw: Random) -> bytes:
    header = data.split(b"\n", 1)[0]
    whole = (
        b"",
        b"\n",
        b"\n" * 2_000,
        header,
        header + b"\n",
        gzip.compress(data),
        b"<html></html>",
        b"\x00" * 99,
    )
    return draw.choice((*whole, draw.randbytes(400), data.replace(b",", b";"), data.replace(b",", b"\t")))


BYTE_SPOILERS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flipped, _flipped, _inserted, _inserted, _cut, _spliced, _recoded, _line_ends, _wrapped, _replaced),
)


def spoiled(layout: Layout, draw: Random) -> bytes:
    """Return a file of this layout with up to three things wrong; now and then nothing is."""
    table = [list(layout.header), *map(list, layout.rows)]
    on_cells = draw.choice((0, 1, 1, 1, 2))
    for _ in range(on_cells):
        if table[0]:
            draw.choice(TABLE_SPOILERS)(table, draw)
    data = as_bytes(table)
    for _ in range(draw.choice((0, 1)) if on_cells else draw.choice((0, 1, 1, 2))):
        data = draw.choice(BYTE_SPOILERS)(data, draw)
    return data


LAYOUTS: Mapping[str, Layout] = {layout.mapping: layout for layout in (closed_trades(), fills())}
