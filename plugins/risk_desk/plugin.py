"""The page "Risk desk" in Airflow's navigation.

Every process of Airflow imports this file, and only the api-server ever shows a page: what the pages
need is imported when the first one is asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/risk-desk"
NAME = "Risk desk"
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class OnFirstRequest:
    """A web application that is built when it is first asked for something."""

    def __init__(self, build: Callable[[], Asgi]) -> None:
        self._build = cache(build)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        await self._build()(scope, receive, send)


def _application() -> Asgi:
    from risk_desk.endpoints import application

    return application()


class RiskDeskPlugin(AirflowPlugin):
    """Serves the pages below `PREFIX` and adds an entry to the navigation."""

    name = "risk_desk"
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": OnFirstRequest(_application), "url_prefix": PREFIX, "name": NAME}
    ]
    external_views: ClassVar[list[Any]] = [
        {"name": NAME, "href": f"{PREFIX}/", "destination": "nav", "url_route": "risk-desk"}
    ]
