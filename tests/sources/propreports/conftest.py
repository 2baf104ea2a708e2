"""The back office on loopback, and clients of it that wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from riskops import settings
from riskops.settings import Secret
from riskops.sources.propreports.client import PropReportsClient
from riskops.sources.propreports.patience import Patience
from tests.propreports_server import PASSWORD, USER, BackOffice, HurriedClock, back_office


@pytest.fixture
def office() -> Iterator[BackOffice]:
    """Return a back office of this test's own."""
    with back_office() as office:
        yield office


@pytest.fixture
def clock() -> HurriedClock:
    """Return a clock that only moves when somebody sleeps."""
    return HurriedClock()


@pytest.fixture
def connect(office: BackOffice, clock: HurriedClock) -> Callable[..., PropReportsClient]:
    """Return what connects to the back office; keywords are those of `Patience`."""

    def connected(*, password: str = PASSWORD, url: str | None = None, **patience) -> PropReportsClient:
        login = settings.BackOffice(url or office.url, USER, Secret(password))
        return PropReportsClient(login, Patience(clock=clock, sleep=clock.sleep, **patience))

    return connected
