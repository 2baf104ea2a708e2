"""Archives of the risk database: one portable file, whole or not at all.

An archive is a ZIP file with one member a table (``<table>.jsonl``, one row a line, in the order of
the primary key) and ``manifest.json``. It holds what the tables hold, whatever database keeps them:
decimals as they are written, moments in UTC, JSON as it is, bytes in base 64. Rows are streamed, so
memory does not grow with the desk.

Writing reads one snapshot. Restoring is one transaction that is compared with the archive, row by
row, before it is committed.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from pydantic import ValidationError

from riskops.errors import InputError
from riskops.store import schema
from riskops.store.database import Database, Queue
from riskops.store.documents import from_document, to_document
from riskops.store.tables import UtcDateTime, metadata

FORMAT = "riskops archive 1"
MANIFEST = "manifest.json"
CHUNK = 2_000
LONGEST_LINE = 64_000_000
WIDE = Context(prec=60)  # no stored decimal is rounded before it is compared
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError),
    *(ValueError, TypeError, InvalidOperation),
)
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What an archive holds of one table: its columns, how many rows, and the digest of its lines."""

    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive is: the desk and the moment it shows, its schema's version, its tables."""

    format: str
    deployment: str
    schema: str
    made_at: datetime
    tables: dict[str, TableEntry]

    @property
    def rows(self) -> int:
        """How many rows all tables have together."""
        return sum(entry.rows for entry in self.tables.values())


def write(database: Database, path: Path, deployment: str, moment: datetime) -> Manifest:
    """Write an archive of one state of the database, readable by its owner only.

    The file gets its name when it was written to the disk and read back whole.

    Raises
    ------
    InputError
        If there is a file of that name, or it cannot be written.
    StoreError
        If the database cannot be read.
    """
    if path.exists():
        raise InputError(f"{path} is there already and stays as it is. Name another file.")
    try:
        with _named_when_whole(path) as file, database.reading() as connection:
            return _write(connection, file, deployment, moment)
    except OSError as error:
        raise InputError(
            f"The backup cannot be written to {path}: {error.strerror}. Name a folder with space."
        ) from error


def check(path: Path) -> Manifest:
    """Read an archive from end to end and return its manifest.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or is not what its manifest says.
    """
    with _opened(path) as archive:
        manifest = _manifest(archive)
        for name, entry in manifest.tables.items():
            _exhaust(_lines(archive, name, entry))
    return manifest


def restore(database: Database, path: Path) -> bool:
    """Fill an empty database from an archive: all of it, or nothing.

    A database without tables is migrated first. One that holds exactly the archive already is left alone.

    Returns
    -------
    bool
        Whether anything was written.

    Raises
    ------
    InputError
        If the archive is damaged or of another schema version, or the database holds anything else.
    """
    _refuse_other_schema(check(path), path)
    database.create()
    if _is_occupied(database):
        _refuse_difference(database, path)
        return False
    schema.upgrade(database)
    try:
        with database.writing(*Queue) as connection, _opened(path) as archive:
            _fill(connection, archive)
    except (sa.exc.IntegrityError, sa.exc.DataError) as error:
        raise InputError(f"{path} cannot be restored, nothing was: {error.orig}. Take another one.") from None
    return True


# --- writing ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _named_when_whole(path: Path) -> Iterator[IO[bytes]]:
    """Hand out a draft that gets its name when it can be read back; whatever else happens, it goes."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        check(Path(name))
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(connection: sa.Connection, file: IO[bytes], deployment: str, moment: datetime) -> Manifest:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        manifest = Manifest(
            format=FORMAT,
            deployment=deployment,
            schema=schema.version(connection),
            made_at=moment,
            tables={table.name: _write_table(connection, archive, table) for table in metadata.sorted_tables},
        )
        archive.writestr(MANIFEST, json.dumps(to_document(manifest), indent=1))
    return manifest


def _write_table(connection: sa.Connection, archive: zipfile.ZipFile, table: sa.Table) -> TableEntry:
    digest, rows = hashlib.sha256(), 0
    with archive.open(_member(table.name), "w", force_zip64=True) as member:
        for row in _rows(connection, table):
            line = json.dumps(row, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            member.write(line)
            rows += 1
    return TableEntry(tuple(table.columns.keys()), rows, digest.hexdigest())


def _member(table: str) -> str:
    return f"{table}.jsonl"


# --- rows -------------------------------------------------------------------------------------


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[list[Any]]:
    """Yield every row as plain values, in an order that both databases share."""
    columns = [_as_kept(column) for column in table.columns]
    query = sa.select(*columns).order_by(*(_by_code_point(key, connection) for key in table.primary_key))
    writers = [_writer(column) for column in table.columns]
    for row in connection.execute(query.execution_options(yield_per=CHUNK)):
        yield [None if cell is None else write(cell) for cell, write in zip(row, writers, strict=True)]


def _is_decimal(column: sa.Column) -> bool:
    return isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float)


def _as_kept(column: sa.Column) -> sa.ColumnElement:
    """Return a decimal column as the database keeps it: reading it as a float would round it."""
    return sa.type_coerce(column, sa.types.NullType()) if _is_decimal(column) else column


def _by_code_point(column: sa.Column, connection: sa.Connection) -> sa.ColumnElement:
    """Order texts as SQLite does, also where PostgreSQL's column follows the language of its server."""
    follows_language = isinstance(column.type, sa.String) and column.type.collation is None
    if connection.dialect.name == "postgresql" and follows_language:
        return sa.collate(column, "C")
    return column


def _writer(column: sa.Column) -> Callable[[Any], Any]:
    if _is_decimal(column):
        return str
    if isinstance(column.type, UtcDateTime | sa.Date):
        return lambda value: value.isoformat()
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: base64.b64encode(value).decode()
    return lambda value: value


def _reader(column: sa.Column) -> Callable[[Any], Any]:
    if _is_decimal(column):
        return Decimal
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat
    if isinstance(column.type, sa.LargeBinary):
        return partial(base64.b64decode, validate=True)
    return date.fromisoformat if isinstance(column.type, sa.Date) else lambda value: value


# --- reading ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; whatever is wrong with it has a name and a remedy."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except DAMAGE as error:
        raise InputError(
            f"{path} is no whole backup: {error}. Nothing was restored: take another one."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    with archive.open(MANIFEST) as member:
        document = json.loads(member.read(LONGEST_LINE))
    try:
        manifest = from_document(Manifest, document)
    except ValidationError:
        manifest = None
    if manifest is None or manifest.format != FORMAT:
        raise ValueError(f"its manifest is not one of {FORMAT!r}")
    return manifest


def _lines(archive: zipfile.ZipFile, table: str, entry: TableEntry) -> Iterator[bytes]:
    """Yield the lines of a table; after the last one its count and its digest have to be right."""
    digest, rows = hashlib.sha256(), 0
    with archive.open(_member(table)) as member:
        while line := member.readline(LONGEST_LINE):
            digest.update(line)
            rows += 1
            yield line
    if (rows, digest.hexdigest()) != (entry.rows, entry.sha256):
        raise ValueError(f"the table {table} is not what the manifest says, its checksum is wrong")


def _archived(archive: zipfile.ZipFile, table: sa.Table) -> Iterator[list[Any]]:
    entry = _manifest(archive).tables.get(table.name)
    if entry is None:
        raise ValueError(f"the table {table.name} is missing")
    if entry.columns != tuple(table.columns.keys()):
        raise ValueError(f"the columns of {table.name} are others")
    for line in _lines(archive, table.name, entry):
        row = json.loads(line)
        if len(row) != len(entry.columns):
            raise ValueError(f"a row of {table.name} has {len(row)} columns")
        yield row


def _exhaust(items: Iterable[object]) -> None:
    for _item in items:
        pass


# --- restoring --------------------------------------------------------------------------------


def _refuse_other_schema(manifest: Manifest, path: Path) -> None:
    newest = schema.newest()
    if manifest.schema != newest:
        raise InputError(
            f"{path} has schema version {manifest.schema}, this RiskOps has {newest}. "
            "Restore with the release that wrote it, then run `riskops migrate` with this one."
        )


def _is_occupied(database: Database) -> bool:
    """Say whether anything lies in the database; tables of another program are refused outright."""
    with database.reading() as connection:
        there = set(sa.inspect(connection).get_table_names())
        if foreign := there - metadata.tables.keys() - {"alembic_version"}:
            raise InputError(
                f"The database holds tables of another program ({', '.join(sorted(foreign)[:3])}). "
                "Name an empty one in RISKOPS_DATABASE_URL."
            )
        return any(_has_rows(connection, table) for table in metadata.sorted_tables if table.name in there)


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _refuse_difference(database: Database, path: Path) -> None:
    remedy = "A backup is restored into an empty database only: name a new one in RISKOPS_DATABASE_URL."
    if not schema.is_current(database):
        raise InputError(f"The risk database holds an older desk. {remedy}")
    with database.reading() as connection, _opened(path) as archive:
        found = _difference(connection, archive)
    if found:
        raise InputError(f"The risk database is not empty and differs from {path}: {found}. {remedy}")


def _fill(connection: sa.Connection, archive: zipfile.ZipFile) -> None:
    for table in metadata.sorted_tables:
        if _has_rows(connection, table):
            raise InputError(f"Somebody wrote into {table.name} meanwhile; nothing was restored.")
        _insert(connection, table, _archived(archive, table))
        _continue_counting(connection, table)
    if found := _difference(connection, archive):
        raise InputError(f"The database keeps something else than the backup: {found}. Nothing was restored.")


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterator[Row]) -> None:
    readers = {column.name: _reader(column) for column in table.columns}
    while chunk := list(islice(rows, CHUNK)):
        connection.execute(sa.insert(table), [_read(row, readers) for row in chunk])


def _read(row: Row, readers: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    cells = zip(row, readers.items(), strict=True)
    return {name: None if cell is None else read(cell) for cell, (name, read) in cells}


def _continue_counting(connection: sa.Connection, table: sa.Table) -> None:
    """Let PostgreSQL number new rows after the restored ones; SQLite does so by itself."""
    counter = table.autoincrement_column
    if counter is None or connection.dialect.name != "postgresql":
        return
    sequence = sa.func.pg_get_serial_sequence(table.name, counter.name)
    connection.execute(sa.select(sa.func.setval(sequence, sa.func.max(counter))))


def _difference(connection: sa.Connection, archive: zipfile.ZipFile) -> str:
    """Return where the database first differs from an archive; empty where it does not."""
    for table in metadata.sorted_tables:
        pairs = zip_longest(_rows(connection, table), _archived(archive, table))
        for number, (kept, archived) in enumerate(pairs, start=1):
            if not _same(table, kept, archived):
                return f"row {number} of {table.name}"
    return ""


def _same(table: sa.Table, kept: Row | None, archived: Row | None) -> bool:
    """Say whether two rows are the same; decimals to the places both databases keep of them."""
    if kept is None or archived is None or kept == archived:
        return kept is archived or kept == archived
    cells = zip(table.columns, kept, archived, strict=True)
    return all(a == b or _same_decimal(column, a, b) for column, a, b in cells)


def _same_decimal(column: sa.Column, one: str | None, other: str | None) -> bool:
    """Compare decimals to the column's scale, and as floats: SQLite has 53 bits for them."""
    if not _is_decimal(column) or one is None or other is None:
        return False
    step = Decimal(1).scaleb(-column.type.scale)  # type: ignore[attr-defined]
    first, second = (Decimal(text).quantize(step, ROUND_HALF_UP, WIDE) for text in (one, other))
    return float(first) == float(second)
