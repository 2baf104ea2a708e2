"""Who may look at the desk and who may write, and whether a form is one of ours.

Airflow's own permissions decide: whoever may see the DAG of the morning may look, whoever may edit it may
write. A browser sends Airflow's login with every request, also with one that another site makes it send;
so a form has to come from our own pages (what the browser says of its origin) and has to carry a token
that only those pages hold (signed by the api-server's secret, for this login, for some hours).
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.configuration import conf
from fastapi import Depends, Form, HTTPException, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from riskops.desk_page.parts import Reader

DAG = "daily_risk_limits"
TOKEN_SECONDS = 12 * 60 * 60
FROM_ELSEWHERE = "The form did not come from a page of this desk. Nothing was done."
STALE = (
    "The form is older than 12 hours, or was made for another login. Open its page again. Nothing was done."
)

may_read = requires_access_dag("GET", param_dag_id=DAG)
may_write = requires_access_dag("PUT", param_dag_id=DAG)
may_trigger = requires_access_dag("POST", DagAccessEntity.RUN, DAG)


def reader(request: Request, user: GetUserDep) -> Reader:
    """Return who looks, and what the forms of the pages carry."""
    login = user.get_name()
    try:
        may_write(request, user)
    except HTTPException:
        return Reader(login, may_write=False)
    return Reader(login, may_write=True, token=_signer().dumps(login))


def refuse_other_sites(request: Request) -> None:
    """Refuse a form that another site has sent.

    Browsers say from where: in Sec-Fetch-Site, and in Origin where the connection is not encrypted.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc}
    is_told = site is not None or origin is not None
    if not is_told or site not in (None, "same-origin"):
        raise HTTPException(403, FROM_ELSEWHERE)
    if origin is not None and urlsplit(origin).netloc not in ours - {""}:
        raise HTTPException(403, FROM_ELSEWHERE)


def refuse_foreign_forms(user: GetUserDep, token: Annotated[str, Form()] = "") -> None:
    """Refuse a form without the token that our pages gave this login."""
    try:
        login = _signer().loads(token, max_age=TOKEN_SECONDS)
    except BadSignature:
        raise HTTPException(403, STALE) from None
    if login != user.get_name():
        raise HTTPException(403, STALE)


WRITES = (Depends(may_write), Depends(refuse_other_sites), Depends(refuse_foreign_forms))
ReaderDep = Annotated[Reader, Depends(reader)]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="risk-desk-form")
