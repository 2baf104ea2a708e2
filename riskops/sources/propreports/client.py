"""The API of PropReports: a form is posted, CSV comes back.

A token stands for the login for about two hours. It is opaque, and neither it nor the password is
ever part of a message. Every answer comes whole or not at all, within `Patience`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from enum import StrEnum
from types import TracebackType

import httpx

from riskops.errors import SourceError
from riskops.settings import BackOffice, Secret
from riskops.sources.propreports.pages import whole_answer
from riskops.sources.propreports.patience import Patience
from riskops.sources.propreports.refusals import (
    FinalAnswerError,
    PassingError,
    StaleTokenError,
    one_line,
    refusal,
)

EVERY_ACCOUNT = "-2"  # the group of all accounts
TOKEN_SECONDS = 110 * 60  # of the two hours a token is documented to live
LONGEST_TOKEN = 256
CONNECT_SECONDS = 10.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_REFUSAL_BYTES = 4_096

_MAY_PASS = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)

Pages = tuple[str, ...]


class ReportType(StrEnum):
    """The reports RiskOps knows, in the API's own words."""

    TRADES = "trades"
    SUMMARY_BY_DATE = "summaryByDate"
    TOTALS_BY_DATE = "totalsByDate"


class PropReportsClient:
    """A login at PropReports; use it as a context manager, which logs out at its end.

    Parameters
    ----------
    back_office
        Where it is, and the login.
    patience
        The time and the tries there are; it may be shared with other clients.
    """

    def __init__(self, back_office: BackOffice, patience: Patience | None = None) -> None:
        self._back_office = back_office
        self._patience = patience or Patience()
        self._token, self._token_until = Secret(""), 0.0
        self._http = httpx.Client(
            timeout=httpx.Timeout(self._patience.answer_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,
        )

    def __enter__(self) -> PropReportsClient:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with suppress(SourceError):  # a token that is not given back runs out by itself
            self.logout()
        self._http.close()

    def login(self) -> None:
        """Get a new token.

        Raises
        ------
        SourceRefusedError
            If user or password is refused; it is not tried again.
        SourceError
            If PropReports cannot be reached.
        """
        self._patience.persist(self._log_in)

    def logout(self) -> None:
        """Give the token back, if there is one; tried once."""
        if self._token:
            token, self._token = self._token, Secret("")
            self._post({"action": "logout"}, {"token": token})

    def version(self) -> str:
        """Return what PropReports says of its version."""
        return one_line(self._patience.persist(lambda: self._with_token({"action": "version"})))

    def accounts(self) -> Pages:
        """Return the list of all accounts this login may see."""
        return self._whole("accounts", {"action": "accounts", "groupId": EVERY_ACCOUNT})

    def fills(self, external_id: str, first: date, last: date) -> Pages:
        """Return the fills of an account from `first` to `last`, both included."""
        return self._whole("fills", {"action": "fills", "accountId": external_id} | _span(first, last))

    def report(self, kind: ReportType, external_id: str, first: date, last: date) -> Pages:
        """Return a report on an account from `first` to `last`, both included."""
        form = {"action": "report", "type": str(kind), "accountId": external_id}
        return self._whole(str(kind), form | _span(first, last), is_report=True)

    def report_of_all(self, kind: ReportType, first: date, last: date) -> Pages:
        """Return a report on the group of all accounts from `first` to `last`, both included."""
        form = {"action": "report", "type": str(kind), "groupId": EVERY_ACCOUNT}
        return self._whole(str(kind), form | _span(first, last), is_report=True)

    def _whole(self, action: str, form: Mapping[str, str], *, is_report: bool = False) -> Pages:
        """Return all pages of an answer; one that is incomplete is asked for from its first page on."""

        def page(number: int) -> str:
            return self._with_token({**form, "page": str(number)})

        return self._patience.persist(lambda: whole_answer(page, action, is_report=is_report))

    def _with_token(self, form: Mapping[str, str]) -> str:
        """Post with a token; log in anew, once, where it turns out not to be valid any more."""
        if not self._token or self._patience.clock() >= self._token_until:
            self._log_in()
        try:
            return self._post(form, {"token": self._token})
        except StaleTokenError:
            self._log_in()
        return self._post(form, {"token": self._token})

    def _log_in(self) -> None:
        self._token = Secret("")
        secrets = {"user": Secret(self._back_office.user), "password": self._back_office.password}
        token = self._post({"action": "login"}, secrets).strip()
        if not 0 < len(token) <= LONGEST_TOKEN or " " in token or not token.isprintable():
            raise PassingError("login: PropReports answers with something that is no token.")
        self._token = Secret(token)
        self._token_until = self._patience.clock() + TOKEN_SECONDS

    def _post(self, form: Mapping[str, str], secrets: Mapping[str, Secret]) -> str:
        """Post a form once and return the text of a good answer."""
        logging.getLogger("httpx").setLevel(logging.WARNING)  # one line a request is of no use here
        self._patience.wait_for_a_place()
        action = form.get("type", form["action"])
        try:
            status, body = self._exchange(action, form, secrets)
        except _MAY_PASS as error:
            raise PassingError(f"{action}: PropReports {_trouble(error)} ({type(error).__name__}).") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FinalAnswerError(
                f"{action}: PropReports cannot be asked ({type(error).__name__})."
            ) from None
        if status != httpx.codes.OK:
            raise refusal(action, status, self._without_secrets(body.decode("utf-8", "replace"), secrets))
        return _csv_text(body, action)

    def _exchange(
        self, action: str, form: Mapping[str, str], secrets: Mapping[str, Secret]
    ) -> tuple[int, bytes]:
        latest = self._patience.latest_answer()
        data = {**form, **{name: secret.reveal() for name, secret in secrets.items()}}
        body = bytearray()
        with self._http.stream("POST", self._back_office.url, data=data) as response:
            most = MAX_ANSWER_BYTES if response.status_code == httpx.codes.OK else MAX_REFUSAL_BYTES
            for chunk in response.iter_bytes():
                self._patience.refuse_late(latest, action)
                body += chunk
                if len(body) > most:
                    break
        if len(body) > MAX_ANSWER_BYTES:
            raise FinalAnswerError(
                f"{action}: PropReports answers with more than {MAX_ANSWER_BYTES:,} bytes."
            )
        return response.status_code, bytes(body[:most])

    def _without_secrets(self, text: str, secrets: Mapping[str, Secret]) -> str:
        """Return what the server said with our own secrets struck out, should it repeat them."""
        for secret in (*secrets.values(), self._back_office.password, self._token):
            if secret:
                text = text.replace(secret.reveal(), "***")
        return text


def _span(first: date, last: date) -> dict[str, str]:
    return {"startDate": first.isoformat(), "endDate": last.isoformat()}


def _csv_text(body: bytes, action: str) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FinalAnswerError(f"{action}: PropReports answers with bytes that are no UTF-8 text.") from None
    if text.lstrip().startswith("<"):
        raise PassingError(f"{action}: PropReports answers with a web page.")
    return text


def _trouble(error: Exception) -> str:
    """Say what went wrong on the way, in the words a risk manager reads."""
    if isinstance(error, httpx.ReadTimeout):
        return "was too slow"
    if isinstance(error, httpx.RemoteProtocolError):
        return "broke its answer off"
    return "cannot be reached"
