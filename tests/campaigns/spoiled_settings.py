"""Environments and inbox folders with something wrong in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from tests.builders import CALENDAR, SESSION

NIGHT = CALENDAR.previous(SESSION)
CLOSED = "http://127.0.0.1:9"  # a port nobody listens on

ODD_TEXTS = (
    *(
        "",
        " ",
        "\t",
        "none",
        "None",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "nan",
        "=1+1",
        "[/bold]",
        "%s",
        "{0}",
    ),
    *(
        "a\nb",
        "a\r\nBcc: b@c.d",
        "a\x00b",
        "\udcff",
        "\u202e",
        "🦊",
        "é",
        "x" * 300,
        "x" * 5_000,
        "'",
        '"',
        "\\",
    ),
    *("../..", "/", ".", "~", "$HOME", "`id`", "; rm -rf x", "--help", "\ufeffXNYS", "９"),
)
ODD_NUMBERS = (
    *("0", "-1", "1", "65535", "65536", "25.5", "1e3", "1e-300", "1e300", "nan", "inf", "-inf", "9" * 400),
    *("9" * 5_000, "٣", "²", "1_0", " 25 ", "0x19", "+25", "", "smtp"),
)
ODD_ADDRESSES = (
    *(
        "@",
        "a@",
        "@b",
        "a@b",
        "a b@c.d",
        "a@b@c",
        "<a@b.c>",
        "Risk <a@b.c>",
        "Risk <a@b.c",
        '"a@b.c',
        "a@b.c;d@e.f",
    ),
    *(
        "a@b.c,",
        ",",
        "a@b.c,,d@e.f",
        "é@b.c",
        "a@é.c",
        "a@[127.0.0.1]",
        "a@[",
        "a@b..c",
        "a(@b.c",
        "a\\@b.c",
        "()@b",
    ),
    *(
        "a@b.c\nBcc: x@y.z",
        "a@" + "b" * 300 + ".c",
        "x" * 400 + "@b.c",
        "\udcff@b.c",
        "a@\u202e.c",
        "a:@b;",
        ":;@",
    ),
)
ODD_PATHS = (
    *(
        "",
        ".",
        "..",
        "/",
        "/dev/null",
        "/dev/full",
        "/proc/1",
        "/dev/null/x",
        "missing/folder",
        "a\x00b",
        "\udcff",
    ),
    *(
        "x" * 300,
        "/".join(["y" * 200] * 30),
        "~",
        "line\nbreak",
        "[/bold]",
        "file:x?mode=ro",
        "loop/x",
        "file",
    ),
)
ODD_URLS = (
    *(
        "http://",
        "https://",
        "http:///x",
        "http://[",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:x",
    ),
    *(
        "ftp://a",
        "HTTP://a",
        "//127.0.0.1:9",
        "http://127.0.0.1:9/\udcff",
        "http://127.0.0.1:9/ a\n",
        "http:// /",
    ),
    *(
        "http://" + "a" * 300 + "/",
        "http://a..b:9/",
        "http://127.0.0.1:9/" + "x" * 70_000,
        "http://\x00/",
        CLOSED,
    ),
    *(
        "http://é:9/",
        "http://xn--:9/",
        "http://127.0.0.1:-1/",
        "http://user:pw@127.0.0.1:9",
        "https://?",
        "http://#",
    ),
)
ODD_DATABASES = (
    *(
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:////dev/null",
        "sqlite:////dev/full",
        "sqlite:////",
    ),
    *(
        "sqlite:////proc/x/risk.db",
        "sqlite:///file",
        "sqlite:///file/x.db",
        "sqlite:///a\x00b",
        "sqlite:///.",
        "x",
    ),
    *(
        "sqlite:///new.db?mode=ro",
        "sqlite:///new.db?foo=bar",
        "sqlite:///new.db?timeout=x",
        "sqlite:///loop/x.db",
    ),
    *(
        "sqlite:///file:new.db?mode=ro&uri=true",
        "sqlite://host/x.db",
        "sqlite://user:pw@/x.db",
        "sqlite:///\udcff.db",
    ),
    *(
        "sqlite+pysqlite:///new.db",
        "sqlite+aiosqlite:///x",
        "sqlite:///" + "x" * 300,
        "mysql://a",
        "://",
        "postgres://a",
    ),
    *(
        "postgresql://127.0.0.1:9/x",
        "postgresql+psycopg://127.0.0.1:9/x",
        "postgresql+psycopg://127.0.0.1:99999/x",
    ),
    *(
        "postgresql+psycopg://127.0.0.1:y/x",
        "postgresql+psycopg://[::1/x",
        "postgresql+psycopg://127.0.0.1:9/x?a=b",
    ),
    *(
        "postgresql+psycopg://127.0.0.1:9/\udcff",
        "postgresql+psycopg:///x?host=/nowhere",
        "postgresql+psycopg2://a/b",
    ),
)
ODD_CALENDARS = (
    *(
        "XNYS",
        "NYSE",
        "24/7",
        "24/5",
        "XNAS",
        "us_futures",
        "CMES",
        "XKRX",
        "XHKG",
        "ASEX",
        "BVMF",
        "xnys",
        "XXXX",
    ),
    *("always_open", "XSAU", "XTAE", "../XNYS", "XNYS\n"),
)
ODD_HOSTS = (
    "",
    "127.0.0.1",
    "a..b",
    "x" * 300,
    "127.0.0.1\n",
    "[::1",
    "::1",
    "é",
    "\udcff",
    "a\x00b",
    "127.0.0.1:25",
    ".",
)

VALUES: Mapping[str, tuple[str, ...]] = {
    "RISKOPS_DEPLOYMENT": ("desk", "TEST", "demo"),
    "RISKOPS_DATABASE_URL": ODD_DATABASES,
    "RISKOPS_DATABASE_URL_FILE": ODD_PATHS,
    "RISKOPS_CALENDAR": ODD_CALENDARS,
    "RISKOPS_SOURCE": ("csv", "CSV", "demo", "propreports"),
    "RISKOPS_CSV_MAPPING": ("closed_trades", "perp_fills", "CLOSED_TRADES"),
    "RISKOPS_INBOX": ODD_PATHS,
    "RISKOPS_OUTPUT": ODD_PATHS,
    "RISKOPS_DELIVERY": ("smtp", "files", "SMTP", "smtp,files"),
    "RISKOPS_SENDER": ODD_ADDRESSES,
    "RISKOPS_RECIPIENTS": ODD_ADDRESSES,
    "RISKOPS_SMTP_HOST": ODD_HOSTS,
    "RISKOPS_SMTP_PORT": ODD_NUMBERS,
    "RISKOPS_SMTP_TIMEOUT": ODD_NUMBERS,
    "RISKOPS_SMTP_SECURITY": ("starttls", "tls", "none", "ssl", "TLS"),
    "RISKOPS_SMTP_USER": ("user", "é"),
    "RISKOPS_SMTP_PASSWORD": ("secret", "é"),
    "RISKOPS_SMTP_PASSWORD_FILE": ODD_PATHS,
    "RISKOPS_ON_CALL_WEBHOOK": ODD_URLS,
    "RISKOPS_ON_CALL_WEBHOOK_FILE": ODD_PATHS,
    "RISKOPS_HEARTBEAT_URL": ODD_URLS,
    "RISKOPS_HEARTBEAT_URL_FILE": ODD_PATHS,
    "RISKOPS_FAULT": ("none", "smtp_down", "ingest_raises", "NONE"),
    "RISKOPS_TASK_RETRIES": ODD_NUMBERS,
    "RISKOPS_RETRY_DELAY_SECONDS": ODD_NUMBERS,
    "RISKOPS_TIME_OUT_SECONDS": ODD_NUMBERS,
}


def spoiled(environ: Mapping[str, str], draw: Random) -> dict[str, str]:
    """Return what is changed in an environment: one to three variables."""
    names = draw.sample(sorted(VALUES), draw.choice((1, 1, 1, 2, 3)))
    known = {name: (*VALUES[name], *ODD_TEXTS) if draw.random() < 0.3 else VALUES[name] for name in names}
    base = {"RISKOPS_DELIVERY": "smtp", "RISKOPS_RECIPIENTS": "a@b.c", "RISKOPS_SMTP_SECURITY": "none"}
    mail = base | {"RISKOPS_SMTP_HOST": "127.0.0.1", "RISKOPS_SMTP_PORT": "9", "RISKOPS_SMTP_TIMEOUT": "2"}
    changed = {name: draw.choice(known[name]) for name in names}
    return {name: text for name, text in (mail | changed).items() if environ.get(name) != text}


# --- odd things in an inbox -------------------------------------------------------------------

Odd = Callable[[Path, bytes], None]


def _named(name: str) -> Odd:
    return lambda inbox, data: (inbox / name).write_bytes(data) and None


def _folder_with_the_name_of_a_file(inbox: Path, _data: bytes) -> None:
    (inbox / f"x_{NIGHT}.csv").mkdir()


def _link_out(inbox: Path, data: bytes) -> None:
    (inbox.parent / "outside").write_bytes(data)
    (inbox / f"x_{NIGHT}.csv").symlink_to(inbox.parent / "outside")


def _link_to(target: str) -> Odd:
    return lambda inbox, _data: (inbox / f"x_{NIGHT}.csv").symlink_to(target)


def _pipe(inbox: Path, _data: bytes) -> None:
    os.mkfifo(inbox / f"x_{NIGHT}.csv")


def _closed_to_readers(inbox: Path, data: bytes) -> None:
    (inbox / f"x_{NIGHT}.csv").write_bytes(data)
    (inbox / f"x_{NIGHT}.csv").chmod(0)


def _no_folder(inbox: Path, data: bytes) -> None:
    inbox.rmdir()
    inbox.write_bytes(data)


def _crowd(inbox: Path, data: bytes) -> None:
    for day in CALENDAR.dates[-600:]:
        (inbox / f"x_{day}.csv").write_bytes(data[:100])


ODD_INBOXES: tuple[Odd, ...] = (
    *(_folder_with_the_name_of_a_file, _link_out, _pipe, _closed_to_readers, _no_folder, _crowd),
    *(_link_to(target) for target in ("/dev/zero", "/dev/full", f"x_{NIGHT}.csv", "missing", "/etc", ".")),
    *(_named(name.format(night=NIGHT)) for name in (
        "_{night}.csv", "a\nb_{night}.csv", "\udcff_{night}.csv", "é_{night}.CSV", "[bold]_{night}.csv",
        "x_{night}.csv\n", "x_{night}.csv ", " _{night}.csv", "%s{{0}}$(id)_{night}.csv", "..._{night}.csv",
        "x_{night}.csv.part", ".x_{night}.csv", "x_2026-02-30.csv", "x_9999-12-31.csv", "x_0001-01-01.csv",
        "\u202e_{night}.csv", "\x1b[2J_{night}.csv", "=cmd|x_{night}.csv", "x" * 200 + "_{night}.csv",
    )),
)  # fmt: skip
