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


def test_a_window_ends_for_all_clients_together() -> None:
    now = [100.0]
    rate = RateLimit("2/minute", is_enforced=True, clock=lambda: now[0])
    headers: dict[str, str] = {}
    rate.count("a", headers)
    now[0] = 159.5
    rate.count("a", headers)
    assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-reset"]) == ("0", "1")
    with pytest.raises(Problem):
        rate.count("a", headers)
    now[0] = 160.0
    rate.count("a", headers)
    assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-reset"]) == ("1", "60")


def test_a_rate_that_is_not_enforced_is_shown_alone() -> None:
    rate = RateLimit("1/minute", is_enforced=False)
    headers: dict[str, str] = {}
    for _ in range(3):
        rate.count("a", headers)
    assert headers["x-ratelimit-remaining"] == "0"
