"""Passes requests on to an earlier scoring API, behind a circuit breaker.

While the earlier API fails, clients get an error that says so: they never get another model's
scores under its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from stream.rest.problems import Problem

__all__ = ["CircuitBreaker", "LegacyApi"]

FAILURES = 5
"""Failures in a row that open the circuit."""
OPEN_SECONDS = 30.0
"""Seconds until one request is let through again."""
SECONDS = 10.0
"""Longest time of a request."""


class CircuitBreaker:
    """Refuses calls for a while after several failures in a row.

    Parameters
    ----------
    failures
        How many open the circuit.
    seconds
        How long it stays open; then one call is let through, whose outcome decides.
    clock
        A monotonic clock, in seconds.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        seconds: float = OPEN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0
        self._is_trying = False

    def wait(self) -> float:
        """Return the seconds until a call may be made; 0: now. A call must end with ``done``."""
        if self._failures < self._most:
            return 0.0
        left = self._opened_at + self._seconds - self._clock()
        if left > 0 or self._is_trying:
            return max(left, 1.0)
        self._is_trying = True
        return 0.0

    def done(self, *, succeeded: bool) -> None:
        """Note the outcome of a call."""
        self._is_trying = False
        self._failures = 0 if succeeded else self._failures + 1
        if not succeeded:
            self._opened_at = self._clock()


class LegacyApi:
    """An earlier scoring API.

    Parameters
    ----------
    url
        Where requests go.
    breaker
        Decides whether it is asked.
    transport
        For tests; default: the network.
    """

    def __init__(
        self,
        url: str,
        breaker: CircuitBreaker,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._breaker = breaker
        self._client = httpx.AsyncClient(timeout=SECONDS, transport=transport)

    async def predict(self, body: bytes, request_id: str) -> httpx.Response:
        """Return the API's answer to a request.

        Raises
        ------
        Problem
            503: it failed several times in a row; 502: it failed.
        """
        if seconds := self._breaker.wait():
            raise Problem(
                503,
                "LEGACY_UNAVAILABLE",
                f"the earlier API failed {FAILURES} times in a row and is not asked for"
                f" {seconds:.0f} s: try again then, or use /predict-batch",
                {"Retry-After": f"{seconds:.0f}"},
            )
        succeeded = False
        try:
            answer = await self._client.post(
                self._url,
                content=body,
                headers={"content-type": "application/json", "x-request-id": request_id},
            )
            succeeded = answer.status_code < 500
        except httpx.HTTPError as error:
            raise _failed(type(error).__name__) from None
        finally:
            self._breaker.done(succeeded=succeeded)
        if not succeeded:
            raise _failed(f"status {answer.status_code}")
        return answer

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _failed(how: str) -> Problem:
    return Problem(
        502,
        "LEGACY_FAILED",
        f"expected the earlier API to answer, but it failed ({how}): try again, or use"
        " /predict-batch",
    )
