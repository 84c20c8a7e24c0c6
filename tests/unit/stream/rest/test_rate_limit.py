"""Rates that are none, and clients that are counted apart."""

from __future__ import annotations

import pytest

from schemas.errors import InputError
from stream.rest.problems import Problem
from stream.rest.rate_limit import RateLimit


@pytest.mark.parametrize("given", ["", "many", "0", "5 per fortnight"])
def test_a_rate_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="600/minute"):
        RateLimit(given, is_enforced=True)


def test_each_client_has_a_rate_of_its_own() -> None:
    rate = RateLimit("1/hour", is_enforced=True)
    headers: dict[str, str] = {}
    rate.count("10.0.0.1", headers)
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("1", "0")
    rate.count("10.0.0.2", headers)
    with pytest.raises(Problem, match="at most 1 requests in 3,600 s") as caught:
        rate.count("10.0.0.1", headers)
    assert caught.value.headers["Retry-After"] == headers["x-ratelimit-reset"]
