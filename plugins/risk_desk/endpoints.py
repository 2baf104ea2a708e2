"""The endpoints of the pages: each asks Airflow who looks, calls one function of the package, answers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from risk_desk.access import WRITES, ReaderDep, may_read, may_trigger
from riskops.desk import Desk, open_desk
from riskops.desk_page import pages, writing
from riskops.desk_page.kept import Kept
from riskops.desk_page.parts import Reader
from riskops.desk_page.render import Said, style_digest
from riskops.errors import ConfigurationError, MissingResultError, RiskOpsError, SessionError, StoreError

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGE_POLICY = (
    "default-src 'none'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'; style-src "
)
MAIL_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)
TITLES = {401: "You are not logged in", 403: "Not permitted", 404: "There is no such page"}
LOGIN = "Log in to Airflow again, then open the risk desk from its navigation."

EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

Text = Annotated[str, Form()]


class OpenedOnce:
    """The desk of the environment: opened for the first request, and kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._desk: Desk | None = None

    def __call__(self) -> Desk:
        """Return the desk.

        Raises
        ------
        ConfigurationError
            If it cannot be opened; the next request tries again.
        """
        with self._lock:
            if self._desk is None:
                self._desk = open_desk(os.environ)
            return self._desk


def _desk(request: Request) -> Desk:
    return request.app.state.opened()


def _kept(request: Request) -> Kept:
    return request.app.state.kept


DeskDep = Annotated[Desk, Depends(_desk)]
KeptDep = Annotated[Kept, Depends(_kept)]


def application(opened: Callable[[], Desk] | None = None) -> FastAPI:
    """Return the application on a desk; nothing of it answers somebody who is not logged in."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(may_read)])
    app.state.opened, app.state.kept = opened or OpenedOnce(), Kept()
    for path, endpoint in READS.items():
        app.add_api_route(path, endpoint, methods=["GET"])
    for path, (endpoint, further) in FORMS.items():
        app.add_api_route(path, endpoint, methods=["POST"], dependencies=[*WRITES, *further])
    app.add_api_route("/{path:path}", nothing_there, methods=EVERY_METHOD)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(RiskOpsError, _not_served)
    return app


# --- pages ------------------------------------------------------------------------------------


def limits(desk: DeskDep, reader: ReaderDep, kept: KeptDep, session: str = "", done: str = "") -> Response:
    """Show the limits of a session."""
    return _page(pages.limits(desk, reader, kept, session, writing.said_of(done)))


def trader(
    desk: DeskDep, reader: ReaderDep, kept: KeptDep, id: str, session: str = "", done: str = ""
) -> Response:
    """Show a trader."""
    return _page(pages.trader(desk, reader, kept, id, session, writing.said_of(done)))


def evidence(desk: DeskDep, reader: ReaderDep, kept: KeptDep, session: str = "") -> Response:
    """Show the evidence."""
    return _page(pages.evidence(desk, reader, kept, session))


def mails(desk: DeskDep, reader: ReaderDep) -> Response:
    """Show the newest mails."""
    return _page(pages.mails(desk, reader))


def mail(desk: DeskDep, reader: ReaderDep, key: str) -> Response:
    """Show one mail."""
    return _page(pages.mail(desk, reader, key))


def mail_alone(desk: DeskDep, key: str) -> Response:
    """Show what a mail looks like, in a frame that lets it do nothing."""
    return HTMLResponse(pages.mail_alone(desk, key), headers=SAFE | {"Content-Security-Policy": MAIL_POLICY})


def health(desk: DeskDep, reader: ReaderDep, session: str = "") -> Response:
    """Show the data health."""
    return _page(pages.health(desk, reader, session))


def empty(reader: ReaderDep) -> Response:
    """Show nothing: what every page costs at least, for comparison."""
    return _page(pages.empty(reader))


def nothing_there(path: str) -> Response:
    """Say that there is no such page."""
    raise HTTPException(404, "The address is wrong, or the page has moved.")


# --- forms ------------------------------------------------------------------------------------


def acknowledge(
    desk: DeskDep,
    reader: ReaderDep,
    kept: KeptDep,
    session: Text = "",
    revision: Text = "",
    note: Text = "",
) -> Response:
    """Record that the mail of a session was read."""
    form = {"session": session, "revision": revision, "note": note}
    said = writing.acknowledge(desk, reader.login, form)
    return _limits_after(desk, reader, kept, said, session)


def override(
    desk: DeskDep,
    reader: ReaderDep,
    kept: KeptDep,
    trader: Text = "",
    session: Text = "",
    reduction: Text = "",
    first: Text = "",
    last: Text = "",
    why: Text = "",
) -> Response:
    """Record an override."""
    form = {"trader": trader, "reduction": reduction, "first": first, "last": last, "why": why}
    said = writing.override(desk, reader.login, form)
    return _trader_after(desk, reader, kept, said, trader, session)


def take_back(
    desk: DeskDep,
    reader: ReaderDep,
    kept: KeptDep,
    trader: Text = "",
    session: Text = "",
    number: Text = "",
    why: Text = "",
) -> Response:
    """End an override before its time."""
    form = {"number": number, "why": why}
    said = writing.take_back(desk, reader.login, form)
    return _trader_after(desk, reader, kept, said, trader, session)


def revise(desk: DeskDep, reader: ReaderDep, kept: KeptDep, session: Text = "", why: Text = "") -> Response:
    """Ask for a correction: the DAG of the morning makes and mails it."""
    said = writing.revise(desk, reader.login, {"session": session, "why": why}, _trigger)
    return _limits_after(desk, reader, kept, said, session)


READS = {
    "/": limits,
    "/trader": trader,
    "/evidence": evidence,
    "/mails": mails,
    "/mail": mail,
    "/mail-alone": mail_alone,
    "/health": health,
    "/empty": empty,
}
FORMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "/acknowledge": (acknowledge, ()),
    "/override": (override, ()),
    "/take-back": (take_back, ()),
    "/revise": (revise, (Depends(may_trigger),)),
}


def _limits_after(desk: Desk, reader: Reader, kept: Kept, said: Said, session: str) -> Response:
    if said.refused:
        return _page(pages.limits(desk, reader, kept, writing.known_session(session), said), 400)
    return RedirectResponse(writing.limits_address(session, said), 303, SAFE)


def _trader_after(
    desk: Desk, reader: Reader, kept: Kept, said: Said, trader_id: str, session: str
) -> Response:
    if said.refused:
        shown = pages.trader(desk, reader, kept, trader_id, writing.known_session(session), said)
        return _page(shown, 400)
    return RedirectResponse(writing.trader_address(trader_id, session, said), 303, SAFE)


def _trigger(conf: dict[str, str], by: str) -> str:
    """Trigger the DAG of the morning in somebody's name; return why that was refused, if it was."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import AirflowException
    from airflow.utils.types import DagRunTriggeredByType

    from risk_desk.access import DAG

    try:
        trigger_dag(DAG, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=by, conf=conf)
    except (AirflowException, ValueError) as error:
        return f"Airflow did not take the run: {error}"
    return ""


# --- answers ----------------------------------------------------------------------------------


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, SAFE | {"Content-Security-Policy": f"{PAGE_POLICY}'{style_digest()}'"})


def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    says = LOGIN if status == 401 else str(getattr(error, "detail", ""))
    return _page(pages.refused(TITLES.get(status, "This cannot be answered"), says), status)


def _malformed(_request: Request, _error: Exception) -> Response:
    return _page(pages.refused("This cannot be answered", "The address or the form lacks something."), 422)


def _not_served(_request: Request, error: Exception) -> Response:
    if isinstance(error, MissingResultError | SessionError):
        return _page(pages.not_there(error), 404)
    if isinstance(error, ConfigurationError | StoreError):
        return _page(pages.no_desk(error), 503)
    raise error
