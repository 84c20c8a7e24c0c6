"""Outcomes of leads are counted, and logged once a minute and at the end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from monitoring.telemetry.metrics import PartitionLag
from schemas.errors import ErrorCode
from stream.scoring import outcome_log as module
from stream.scoring.outcome_log import OutcomeLog
from testing.jumping_time import in_jumping_time
from tests.unit.stream.scoring.test_tally import letter, outcome


@pytest.fixture
def loop_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        @staticmethod
        def monotonic() -> float:
            return asyncio.get_running_loop().time()

    monkeypatch.setattr(module, "time", Clock)


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def log_of(*, is_for_people: bool) -> OutcomeLog:
    return OutcomeLog(lambda: (PartitionLag("leads", 0, 17, 2.0),), is_for_people=is_for_people)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines so far, without those of mode on the start and stop of the service."""
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("stream.scoring")]
    return [line for line in lines if not line.startswith("[^OutcomeLog]")]


@in_jumping_time
@pytest.mark.usefixtures("loop_time")
async def test_outcomes_of_all_batches_are_counted() -> None:
    outcomes = log_of(is_for_people=False)
    outcomes.on_done(outcome(letter(ErrorCode.TYPE, 1), scored=5))
    outcomes.on_done(outcome(scored=2, dropped=[0]))
    assert outcomes.tally.as_fields() == {
        "scored": 7,
        "low_coverage": 0,
        "dead_letters": {"TYPE": 1},
        "dropped": 1,
    }


@pytest.mark.usefixtures("loop_time")
def test_dead_letters_are_logged_while_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    @in_jumping_time
    async def run() -> None:
        outcomes = log_of(is_for_people=False)
        await outcomes.start()
        outcomes.on_done(outcome(letter(ErrorCode.TYPE, 1)))
        await asyncio.sleep(2)
        assert messages(caplog) == ["dead letters"]
        await outcomes.stop()

    run()


@pytest.mark.parametrize("is_for_people", [True, False])
@pytest.mark.usefixtures("loop_time")
def test_progress_and_totals_are_for_people(
    caplog: pytest.LogCaptureFixture, is_for_people: bool
) -> None:
    @in_jumping_time
    async def run() -> None:
        outcomes = log_of(is_for_people=is_for_people)
        await outcomes.start()
        outcomes.on_taken(9)
        outcomes.on_done(outcome(scored=7))
        await asyncio.sleep(70)
        await outcomes.stop()

    run()
    assert len(messages(caplog)) == (2 if is_for_people else 0)


@pytest.mark.usefixtures("loop_time")
def test_remaining_dead_letters_are_logged_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    @in_jumping_time
    async def run() -> None:
        outcomes: Any = log_of(is_for_people=False)
        await outcomes.start()
        outcomes.on_done(outcome(letter(ErrorCode.TYPE, 1)))
        await asyncio.sleep(2)
        outcomes.on_done(outcome(letter(ErrorCode.TYPE, 2)))
        await outcomes.stop()

    run()
    assert messages(caplog) == ["dead letters"] * 2
