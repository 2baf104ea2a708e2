"""How PropReports is asked: within its limit of requests, within a time budget, again where that may help.

The budget of a fetch fits the time-out of the ingest task (`riskops.budget`): whatever a slow server
does, the task ends by itself and says what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from riskops.sources.propreports.refusals import FinalAnswerError, PassingError

Answer = TypeVar("Answer")

REQUESTS = 40  # PropReports' own limit ...
WINDOW = Duration.SECOND * 4.5  # ... in 4 s; the rest is for requests that bunch on their way
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 15.0


class OutOfTimeError(FinalAnswerError):
    """The time for this fetch is used up."""


@dataclass(eq=False)
class Patience:
    """The time and the number of tries that a fetch has, or several one after the other; it runs from now.

    Parameters
    ----------
    answer_seconds
        For one answer, from the first byte sent to the last one received.
    request_seconds
        For a request with all its tries and pages.
    fetch_seconds
        For everything.
    tries
        Of one request.
    clock, sleep
        A monotonic clock in seconds, and what waits.
    """

    answer_seconds: float = 30.0
    request_seconds: float = 75.0
    fetch_seconds: float = 360.0
    tries: int = 6
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _ends: float = field(init=False)
    _request_ends: float = field(init=False)
    _window: InMemoryBucket = field(init=False)

    def __post_init__(self) -> None:
        self._ends = self._request_ends = self.clock() + self.fetch_seconds
        self._window = InMemoryBucket([Rate(REQUESTS, WINDOW)])

    def wait_for_a_place(self) -> None:
        """Wait until one more request is within the server's limit."""
        request = RateItem("request", self._milliseconds())
        while not self._window.put(request):
            wait_ms = cast("int", self._window.waiting(request))  # a window in memory never defers
            self.sleep((max(wait_ms, 0) + 1) / 1_000)
            request = RateItem("request", self._milliseconds())
        self._window.leak(request.timestamp)

    def persist(self, ask: Callable[[], Answer]) -> Answer:
        """Return what `ask` gives, trying again with growing pauses where its error may pass.

        Raises
        ------
        OutOfTimeError
            If no time is left to begin with.
        SourceError
            The last error, when patience has ended or the error is final.
        """
        now = self.clock()
        if now >= self._ends:
            raise OutOfTimeError(f"no time is left of the {self.fetch_seconds:.0f} s for this source.")
        ends = self._request_ends = min(self._ends, now + self.request_seconds)

        def ended(state: RetryCallState) -> bool:
            too_late = self.clock() + state.upcoming_sleep >= ends
            return too_late or state.attempt_number >= self.tries

        return Retrying(
            retry=retry_if_exception_type(PassingError),
            wait=wait_exponential_jitter(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
            stop=ended,
            sleep=self.sleep,
            reraise=True,
        )(ask)

    def latest_answer(self) -> float:
        """Return by when an answer that is asked for now has to be there."""
        return min(self._request_ends, self.clock() + self.answer_seconds)

    def refuse_late(self, latest: float, action: str) -> None:
        """Raise if the moment `latest` has passed.

        Raises
        ------
        PassingError
            If so.
        """
        if self.clock() > latest:
            raise PassingError(f"{action}: PropReports was too slow, the answer was given up.")

    def _milliseconds(self) -> int:
        return int(self.clock() * 1_000)
