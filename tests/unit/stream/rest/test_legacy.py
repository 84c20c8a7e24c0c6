"""The earlier API and its circuit breaker: it never answers with another model's scores."""

from __future__ import annotations

import httpx
import pytest

from stream.rest.legacy import FAILURES, OPEN_SECONDS, CircuitBreaker, LegacyApi
from stream.rest.problems import Problem

GOOD, BAD = httpx.Response(200, json={"scores": [1]}), httpx.Response(500)


class Place:
    """An API whose answers are given, and a clock."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.now = 0.0
        self.breaker = CircuitBreaker(clock=lambda: self.now)
        self.api = LegacyApi(
            "http://legacy/predict", self.breaker, httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        assert request.headers["x-request-id"] == "r"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def status(self) -> int:
        try:
            return (await self.api.predict(b"[]", "r")).status_code
        except Problem as problem:
            return problem.status


async def test_answers_are_passed_on_also_refusals() -> None:
    place = Place(GOOD, httpx.Response(422, json={}))
    assert [await place.status(), await place.status()] == [200, 422]


@pytest.mark.parametrize("failure", [BAD, httpx.ConnectError("away"), httpx.ReadTimeout("slow")])
async def test_failures_in_a_row_open_the_circuit_for_a_while(
    failure: httpx.Response | Exception,
) -> None:
    place = Place(*[failure] * FAILURES, GOOD, GOOD)
    assert [await place.status() for _ in range(FAILURES)] == [502] * FAILURES
    assert await place.status() == 503
    assert place.asked == FAILURES
    place.now = OPEN_SECONDS + 1
    assert [await place.status(), await place.status()] == [200, 200]


async def test_one_call_tries_whether_it_works_again() -> None:
    place = Place(*[BAD] * (FAILURES + 1))
    for _ in range(FAILURES):
        await place.status()
    place.now = OPEN_SECONDS + 1
    assert await place.status() == 502
    assert await place.status() == 503, "the failed trial opens the circuit again"


def test_while_one_call_tries_others_are_refused() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=1, seconds=10, clock=lambda: now[0])
    breaker.done(succeeded=False)
    now[0] = 11
    assert breaker.wait() == 0
    assert breaker.wait() > 0
    breaker.done(succeeded=True)
    assert breaker.wait() == 0


async def test_a_success_forgets_the_failures_before_it() -> None:
    place = Place(*[BAD] * (FAILURES - 1), GOOD, *[BAD] * (FAILURES - 1), GOOD)
    found = [await place.status() for _ in range(2 * FAILURES)]
    assert found == ([502] * (FAILURES - 1) + [200]) * 2
