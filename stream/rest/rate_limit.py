"""How many requests a client may send."""

from __future__ import annotations

import math
import time
from collections.abc import MutableMapping

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from schemas.errors import InputError
from stream.rest.problems import Problem

__all__ = ["RateLimit"]


class RateLimit:
    """Counts the requests of each client in windows of fixed length.

    Parameters
    ----------
    rate
        Such as ``600/minute``.
    is_enforced
        Whether a request beyond it is refused; if not, headers alone say so.

    Raises
    ------
    InputError
        The rate is none.
    """

    def __init__(self, rate: str, *, is_enforced: bool) -> None:
        try:
            self._item: RateLimitItem = parse(rate)
        except ValueError as error:
            raise InputError(f"expected a rate such as 600/minute, not {rate!r}") from error
        self._is_enforced = is_enforced
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, client: str, headers: MutableMapping[str, str]) -> None:
        """Count a request of a client.

        Parameters
        ----------
        client
            The client's address.
        headers
            Get the limit, what is left of it, and the seconds until it begins anew.

        Raises
        ------
        Problem
            429: the client has sent too many.
        """
        may_pass = self._limiter.hit(self._item, client)
        reset_time, left = self._limiter.get_window_stats(self._item, client)
        seconds = str(max(0, math.ceil(reset_time - time.time())))
        headers["x-ratelimit-limit"] = str(self._item.amount)
        headers["x-ratelimit-remaining"] = str(left)
        headers["x-ratelimit-reset"] = seconds
        if self._is_enforced and not may_pass:
            raise Problem(
                429,
                "RATE_LIMIT",
                f"expected at most {self._item.amount:,} requests in"
                f" {self._item.get_expiry():,} s: wait {seconds} s",
                {"Retry-After": seconds},
            )
