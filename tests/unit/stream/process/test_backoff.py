"""Pauses between attempts."""

from __future__ import annotations

import logging

import pytest

from stream.process.backoff import Backoff, retry
from stream.process.deadlines import now
from testing.jumping_time import in_jumping_time

log = logging.getLogger(__name__)


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(5.0, 60.0, draw=lambda: 1.0)
    assert [backoff.fail() for _ in range(6)] == [5, 10, 20, 40, 60, 60]


def test_jitter_takes_at_most_half_of_a_wait() -> None:
    assert Backoff(10.0, 60.0, draw=lambda: 0.0).fail() == 5


def test_after_a_success_waits_start_from_the_first() -> None:
    backoff = Backoff(5.0, 60.0, draw=lambda: 1.0)
    backoff.fail()
    backoff.fail()
    backoff.reset()
    assert backoff.fail() == 5


def test_a_first_wait_above_the_longest_is_kept() -> None:
    assert Backoff(90.0, 60.0, draw=lambda: 1.0).fail() == 90


def test_years_of_failures_do_not_overflow() -> None:
    backoff = Backoff(5.0, 60.0, draw=lambda: 1.0)
    assert max(backoff.fail() for _ in range(5000)) == 60


class Attempts:
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.at: list[float] = []

    async def __call__(self) -> str:
        self.at.append(now())
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def passes(error: Exception) -> bool:
    return isinstance(error, OSError)


@in_jumping_time
async def test_errors_that_pass_are_tried_again_after_the_pause() -> None:
    attempts = Attempts(OSError("one"), OSError("two"))
    assert await retry(attempts, doing="asking", may_pass=passes, log=log, pause=0.5) == "done"
    assert [at - attempts.at[0] for at in attempts.at] == pytest.approx([0, 0.5, 1.0])


def test_each_failure_is_logged_with_what_follows(caplog: pytest.LogCaptureFixture) -> None:
    @in_jumping_time
    async def ask() -> None:
        await retry(Attempts(OSError("away")), doing="asking", may_pass=passes, log=log, pause=0.5)

    ask()
    assert caplog.messages == ["asking: OSError('away'); trying again in 0.5 s"]


@in_jumping_time
async def test_an_error_that_does_not_pass_is_raised_at_once() -> None:
    attempts = Attempts(ValueError("refused"))
    with pytest.raises(ValueError, match="refused"):
        await retry(attempts, doing="asking", may_pass=passes, log=log)
    assert len(attempts.at) == 1
