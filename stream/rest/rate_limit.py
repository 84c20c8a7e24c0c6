"""How many requests a client may send."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, MutableMapping

from limits import RateLimitItem, parse

from schemas.errors import InputError
from stream.rest.problems import Problem

__all__ = ["RateLimit"]


class RateLimit:
    """Counts the requests of each client in windows of fixed length.

    The windows of all clients begin together, so that a count is one addition: the storage of the
    library ``limits`` takes locks and starts threads for each request, a sixth of its time.

    Parameters
    ----------
    rate
        Such as ``600/minute``.
    is_enforced
        Whether a request beyond it is refused; if not, headers alone say so.
    clock
        A monotonic clock, in seconds.

    Raises
    ------
    InputError
        The rate is none.
    """

    def __init__(
        self, rate: str, *, is_enforced: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            item: RateLimitItem = parse(rate)
        except ValueError as error:
            raise InputError(f"expected a rate such as 600/minute, not {rate!r}") from error
        self._most = item.amount
        self._seconds = item.get_expiry()
        self._is_enforced = is_enforced
        self._clock = clock
        self._until = -math.inf
        self._counts: dict[str, int] = {}

    def count(self, client: str, headers: MutableMapping[str, str]) -> None:
        """Count a request of a client.

        Parameters
        ----------
        client
            The client's address.
        headers
            Get the limit, what is left of it, and the seconds until it begins again.

        Raises
        ------
        Problem
            429: the client has sent too many.
        """
        now = self._clock()
        if now >= self._until:
            self._counts = {}
            self._until = now + self._seconds
        count = self._counts[client] = self._counts.get(client, 0) + 1
        seconds = str(math.ceil(self._until - now))
        headers["x-ratelimit-limit"] = str(self._most)
        headers["x-ratelimit-remaining"] = str(max(0, self._most - count))
        headers["x-ratelimit-reset"] = seconds
        if self._is_enforced and count > self._most:
            raise Problem(
                429,
                "RATE_LIMIT",
                f"expected at most {self._most:,} requests in {self._seconds:,} s: wait"
                f" {seconds} s",
                {"Retry-After": seconds},
            )
