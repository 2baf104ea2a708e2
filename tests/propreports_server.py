"""A back office on this machine that answers as PropReports documents it, and fails as asked."""

from __future__ import annotations

import csv
import io
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

USER, PASSWORD = "riskops", "canary-5f0c-password"
ACCOUNT_COLUMNS = (
    "Account Id",
    "Account Name",
    "First Traded",
    "Last Traded",
    "Currency",
    "Cash",
    "Unrealized",
)
FEES = ("Comm", "Ecn Fee", "SEC", "ORF", "CAT", "TAF", "FTT", "NSCC", "Acc", "Clr", "Misc")
FILL_COLUMNS = (
    *("Date/Time", "Account", "B/S", "Qty", "Symbol", "Price", "Route", "Liq", *FEES),
    *("Order Id", "Fill Id", "Currency", "ISIN", "CUSIP", "Status", "PropReports Id"),
)
TRADE_COLUMNS = (
    *("Opened", "Closed", "Held", "Symbol", "Type", "Entry", "Exit", "Qty", "Gross", *FEES, "Net"),
)
SUMMARY_COLUMNS = (
    *("Date", "Type", "Orders", "Fills", "Qty", "Gross", *FEES, "Trade Fees", "Net", "Fee: Data", "Adj Fees"),
    *("Adj Net", "Unrealized Δ", "Total Δ", "Transfer: Deposit", "Transfers", "Cash", "Unrealized"),
    "End Balance",
)


def fill(
    moment: str, account: str, side: str, quantity: object, price: object, number: int = 1, **more: object
) -> dict[str, str]:
    """Return a row of the fills; `moment` is ``YYYY-MM-DD HH:MM:SS`` in New York."""
    at = datetime.fromisoformat(moment)
    row: dict[str, object] = dict.fromkeys(FILL_COLUMNS, "") | dict.fromkeys(FEES, "0.00")
    row |= {
        "Date/Time": f"{at:%m/%d/%Y %H:%M:%S}",
        "Account": account,
        "B/S": side,
        "Qty": quantity,
        "Symbol": "AAPL",
        "Price": price,
        "Comm": "0.35",
        "SEC": "0.0123",
        "Order Id": f"O{number}",
        "Fill Id": f"F{number}",
        "Currency": "USD",
        "PropReports Id": str(900_000 + number),
    }
    return {name: str(value) for name, value in (row | more).items()}


def summary(
    day: date,
    net: str,
    *,
    gross: str | None = None,
    adjusted: str = "0.00",
    unrealised: str = "0.00",
    transfers: str = "0.00",
    start: str = "100000.00",
    **more: str,
) -> dict[str, str]:
    """Return a row of the summary by date, whose sums are right; `start` is the balance before."""
    total = Decimal(net) + Decimal(adjusted) + Decimal(unrealised)
    row = dict.fromkeys(SUMMARY_COLUMNS, "0.00") | {
        "Date": day.isoformat(),
        "Type": "Equities",
        "Fills": "2",
        "Gross": net if gross is None else gross,
        "Net": net,
        "Adj Fees": adjusted,
        "Adj Net": str(Decimal(net) + Decimal(adjusted)),
        "Unrealized Δ": unrealised,
        "Total Δ": str(total),
        "Transfers": transfers,
        "End Balance": str(Decimal(start) + total + Decimal(transfers)),
    }
    return row | more


def closed_trade(symbol: str = "AAPL", net: str = "10.00", **more: str) -> dict[str, str]:
    """Return a row of the trades report."""
    row = dict.fromkeys(TRADE_COLUMNS, "0.00") | {
        "Opened": "09:31:05",
        "Closed": "09:45:00",
        "Held": "0:13:55",
        "Symbol": symbol,
        "Type": "Long",
        "Entry": "210.00",
        "Exit": "210.10",
        "Qty": "100",
        "Gross": net,
        "Net": net,
    }
    return row | more


@dataclass
class ExternalAccount:
    """An account of the back office and what is booked on it."""

    external_id: str
    name: str
    currency: str = "USD"
    fills: list[dict[str, str]] = field(default_factory=list)
    days: list[dict[str, str]] = field(default_factory=list)
    trades: dict[date, list[dict[str, str]]] = field(default_factory=dict)


@dataclass
class Answer:
    """What is sent; `missing_bytes` are announced and never sent, `delay` is before the first byte."""

    text: str
    status: int = 200
    missing_bytes: int = 0
    delay: float = 0.0


Fault = Callable[[Answer], Answer]


def says(status: int, text: str) -> Fault:
    """Return a fault that answers with a status and a sentence."""
    return lambda _answer: Answer(text, status)


def cut_short(answer: Answer) -> Answer:
    """Announce more than is sent."""
    return Answer(answer.text, missing_bytes=1_000)


def slow(seconds: float) -> Fault:
    """Return a fault that lets the client wait."""
    return lambda answer: Answer(answer.text, answer.status, delay=seconds)


def without_last_line(answer: Answer) -> Answer:
    """Lose the last line."""
    return Answer(answer.text.rstrip().rpartition("\n")[0] + "\n")


def last_line(text: str) -> Fault:
    """Return a fault that ends the page with another last line."""
    return lambda answer: Answer(f"{without_last_line(answer).text}{text}\n")


class BackOffice:
    """What the server knows, how it writes it, which faults are due and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.accounts: list[ExternalAccount] = []
        self.password = PASSWORD
        self.page_rows = 50_000
        self.lacks: set[str] = set()
        self.reordered = False
        self.delta = "Δ"
        self.day_format = "%Y-%m-%d"
        self.asked: list[dict[str, str]] = []
        self.faults: list[tuple[str, Fault, dict[str, str]]] = []
        self._tokens: set[str] = set()

    def account(self, external_id: str, name: str, **more: str) -> ExternalAccount:
        """Open an account."""
        self.accounts.append(ExternalAccount(external_id, name, **more))
        return self.accounts[-1]

    def fail(self, action: str, fault: Fault, times: int = 1, **form: str) -> None:
        """Let the next answers to an action, or to a type of report, go wrong."""
        self.faults += [(action, fault, form)] * times

    def forget_tokens(self) -> None:
        """Let every token expire."""
        self._tokens.clear()

    def actions(self) -> list[str]:
        """Return what was asked for, in order."""
        return [form.get("type", form["action"]) for form in self.asked]

    def answer(self, form: dict[str, str]) -> Answer:
        """Answer a form, wrongly where a fault is due."""
        self.asked.append(form)
        answer = self._right(form)
        for number, (action, fault, wanted) in enumerate(self.faults):
            if action == form.get("type", form["action"]) and wanted.items() <= form.items():
                del self.faults[number]
                return fault(answer)
        return answer

    def _right(self, form: dict[str, str]) -> Answer:
        action = form["action"]
        if action == "login":
            return self._login(form)
        if form.get("token") not in self._tokens:
            return Answer("The token is not valid or has expired.", 500)
        if action == "logout":
            self._tokens.discard(form["token"])
            return Answer("Logged out.")
        if action == "version":
            return Answer("v1.10.41 [2026-08-11]")
        if action == "accounts":
            return self._paged(ACCOUNT_COLUMNS, [self._listed(account) for account in self.accounts], form)
        return self._booked(form)

    def _login(self, form: dict[str, str]) -> Answer:
        if (form["user"], form["password"]) != (USER, self.password):
            return Answer("Invalid user or password.", 500)
        token = f"{len(self.asked):032x}:485"
        self._tokens.add(token)
        return Answer(f"{token}\n")

    def _listed(self, account: ExternalAccount) -> dict[str, str]:
        row = (
            account.external_id,
            account.name,
            "2024-01-02",
            "2026-03-13",
            account.currency,
            "0.00",
            "0.00",
        )
        return dict(zip(ACCOUNT_COLUMNS, row, strict=True))

    def _booked(self, form: dict[str, str]) -> Answer:
        wanted = [
            a for a in self.accounts if form.get("groupId") == "-2" or a.external_id == form["accountId"]
        ]
        if not wanted:
            return Answer(f"Account {form.get('accountId')} not found.", 500)
        first, last = date.fromisoformat(form["startDate"]), date.fromisoformat(form["endDate"])
        if form["action"] == "fills":
            rows = [row for a in wanted for row in a.fills if first <= _filled_on(row) <= last]
            return self._paged(FILL_COLUMNS, rows, form)
        if form["type"] == "trades":
            return Answer(self._trades(wanted[0], first, last))
        rows = [row for a in wanted for row in a.days if first <= date.fromisoformat(row["Date"]) <= last]
        columns = [c for c in SUMMARY_COLUMNS if form["type"] == "summaryByDate" or c != "Type"]
        return Answer(self._written(columns, [self._dated(row) for row in rows]) + "Equities,,2,2\n")

    def _dated(self, row: dict[str, str]) -> dict[str, str]:
        return row | {"Date": date.fromisoformat(row["Date"]).strftime(self.day_format)}

    def _trades(self, account: ExternalAccount, first: date, last: date) -> str:
        text = ""
        for day, trades in sorted(account.trades.items()):
            if first <= day <= last:
                text += f"{day:{self.day_format}}\n{self._written(TRADE_COLUMNS, trades)}Equities,,,,\n"
        return text

    def _paged(self, columns: Sequence[str], rows: Sequence[dict[str, str]], form: dict[str, str]) -> Answer:
        number = int(form.get("page", "1"))
        count = max(1, -(-len(rows) // self.page_rows))
        there = rows[(number - 1) * self.page_rows : number * self.page_rows]
        text = self._written(columns, there)
        return Answer(f"{text}Page {number}/{count}\n" if "page" in form else text)

    def _written(self, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
        kept = [column for column in columns if column not in self.lacks]
        kept = kept[::-1] if self.reordered else kept
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(column.replace("Δ", self.delta) for column in kept)
        writer.writerows([row[column] for column in kept] for row in rows)
        return stream.getvalue()


def _filled_on(row: dict[str, str]) -> date:
    month, day, year = row["Date/Time"][:10].split("/")
    return date(int(year), int(month), int(day))


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = self.server.office.answer(dict(parse_qsl(body, keep_blank_values=True)))
        content = answer.text.encode(errors="surrogateescape")
        time.sleep(answer.delay)
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content) + answer.missing_bytes))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the client waited no longer
            self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    office: BackOffice


@contextmanager
def back_office(certificate: Path | None = None) -> Iterator[BackOffice]:
    """Run a back office on loopback, with TLS where there is a certificate."""
    office = BackOffice()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.office = office
    office.url = f"http://127.0.0.1:{server.server_address[1]}/api.php"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        office.url = office.url.replace("http://127.0.0.1", "https://localhost")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
    thread.start()
    try:
        yield office
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class HurriedClock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
