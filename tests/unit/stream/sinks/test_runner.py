"""The runner of sinks: order, retries, dead letters, revoked partitions, unavailable targets."""

from __future__ import annotations

import asyncio
import logging

import pytest

import stream.sinks.runner as module
from monitoring.telemetry.health import Condition
from schemas.errors import ErrorCode, FatalError, InvalidEventError
from stream.sinks.sink import (
    WRITTEN,
    Log,
    SinkBatch,
    TargetUnavailableError,
    Verdict,
    refuse,
    retry_later,
)
from tests.unit.stream.sinks.fake_sink import Bench, batch_of, record_of, running, until


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)


async def test_batches_of_a_partition_are_written_in_order_and_done() -> None:
    async with running() as bench:
        first, second = batch_of(record_of(0), record_of(1)), batch_of(record_of(2))
        await bench.runner.accept([first])
        await bench.runner.accept([second])
        await until(lambda: first.is_done and second.is_done)
        assert [at for offsets in bench.sink.offsets for at in offsets] == [0, 1, 2]
        assert bench.sink.batches[0].log == Log("leads.scored", 0, "9f2JkQ")
        assert bench.value("leadscore_sink_records_total", outcome="written") == 3


async def test_the_id_of_a_topic_is_looked_up_where_the_batch_has_none() -> None:
    async with running() as bench:
        batch = batch_of(record_of(0))
        batch.topic_id = None
        await bench.runner.accept([batch])
        await until(lambda: batch.is_done)
        assert bench.sink.batches[0].log.topic_id == "looked-up"


async def test_a_refused_record_is_a_dead_letter_and_the_others_are_written() -> None:
    async with running() as bench:
        bench.sink.answers.append(lambda _: [WRITTEN, refuse("too long"), WRITTEN])
        batch = batch_of(record_of(0), record_of(1), record_of(2))
        await bench.runner.accept([batch])
        await until(lambda: batch.is_done)
        [(_, offset, code, sentence)] = bench.dead_letters.sent
        assert (offset, code, sentence) == (1, "SINK_REFUSED", "too long")
        assert bench.value("leadscore_sink_dead_letters_total", code="SINK_REFUSED") == 1


async def test_values_that_are_no_event_are_dead_letters_and_never_reach_the_sink() -> None:
    async with running() as bench:
        unreadable = InvalidEventError(ErrorCode.UNREADABLE, "damaged")
        batch = batch_of(
            record_of(0, value=b"no event"), record_of(1), record_of(2), verdicts={2: unreadable}
        )
        await bench.runner.accept([batch])
        await until(lambda: batch.is_done)
        assert [(at, code) for _, at, code, _ in bench.dead_letters.sent] == [
            (0, "DECODE"),
            (2, "UNREADABLE"),
        ]
        assert bench.sink.offsets == [[1]]


async def test_records_to_be_retried_are_written_again_alone() -> None:
    async with running() as bench:
        bench.sink.answers.append(lambda _: [WRITTEN, retry_later(), retry_later(0.001)])
        batch = batch_of(record_of(0), record_of(1), record_of(2))
        await bench.runner.accept([batch])
        await until(lambda: batch.is_done)
        assert bench.sink.offsets == [[0, 1, 2], [1, 2]]
        assert [written.attempt for written in bench.sink.batches] == [1, 2]
        assert bench.value("leadscore_sink_retries_total", reason="record") == 1


async def test_while_the_target_is_unavailable_nothing_is_done_and_it_continues() -> None:
    async with running() as bench:
        away = TargetUnavailableError("connection refused")
        bench.sink.answers.extend([away] * 20)
        batch = batch_of(record_of(0))
        await bench.runner.accept([batch])
        await until(lambda: not bench.health.meets(Condition.TARGET_REACHED))
        assert not batch.is_done
        assert bench.value("leadscore_sink_target_up") == 0
        await until(lambda: batch.is_done)
        assert bench.sink.offsets == [[0]] * 21
        assert bench.health.meets(Condition.TARGET_REACHED)
        assert bench.value("leadscore_sink_target_up") == 1
        assert bench.value("leadscore_sink_retries_total", reason="away") == 20


async def test_while_a_write_is_under_way_the_source_is_held_back() -> None:
    async with running() as bench:
        bench.sink.answers.extend([TargetUnavailableError("away")] * 1_000_000)
        accepted = 0

        async def accept() -> None:
            nonlocal accepted
            for offset in range(10):
                await bench.runner.accept([batch_of(record_of(offset))])
                accepted += 1

        accepting = asyncio.ensure_future(accept())
        await until(lambda: len(bench.sink.batches) > 5)
        assert accepted <= 4
        bench.sink.answers.clear()
        await accepting


async def test_a_batch_of_a_revoked_partition_is_left_to_the_next_owner(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with running() as bench:
        bench.sink.answers.extend([TargetUnavailableError("away")] * 1_000_000)
        lost, ours = batch_of(record_of(0)), batch_of(record_of(1), generation=2)
        await bench.runner.accept([lost])
        await until(lambda: bool(bench.sink.batches))
        bench.generation = 2
        bench.runner.rebalanced()
        await until(lambda: "is left to the next owner" in caplog.text)
        bench.sink.answers.clear()
        await bench.runner.accept([ours])
        await until(lambda: ours.is_done)
        assert not lost.is_done
        assert bench.sink.offsets[-1] == [1]


async def test_a_rebalance_ends_a_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 3600.0)
    async with running() as bench:
        bench.sink.answers.append(TargetUnavailableError("away"))
        batch = batch_of(record_of(0))
        await bench.runner.accept([batch])
        await until(lambda: not bench.health.meets(Condition.TARGET_REACHED))
        bench.runner.rebalanced()
        await until(lambda: batch.is_done)


async def test_a_rebalance_during_a_write_ends_the_pause_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 3600.0)
    async with running() as bench:

        def fail(_: object) -> list[Verdict]:
            bench.runner.rebalanced()
            raise TargetUnavailableError("away")

        bench.sink.answers.append(fail)
        batch = batch_of(record_of(0))
        await bench.runner.accept([batch])
        await until(lambda: batch.is_done)
        assert bench.sink.offsets == [[0], [0]]


async def test_the_sink_is_opened_once_the_target_answers() -> None:
    bench = Bench()
    bench.sink.open_errors.extend([TargetUnavailableError("away")] * 3)
    await bench.runner.open()
    assert not bench.sink.open_errors
    assert bench.health.meets(Condition.TARGET_REACHED)


async def test_a_sink_that_returns_too_few_verdicts_ends_the_worker() -> None:
    def no_verdict(_: SinkBatch) -> list[Verdict]:
        return []

    async with running() as bench:
        bench.sink.answers.append(no_verdict)
        batch = batch_of(record_of(0))
        await bench.runner.accept([batch])
        await until(lambda: bool(bench.app.errors))
        assert isinstance(bench.app.errors[0], FatalError)
        assert not batch.is_done


async def test_a_stop_closes_the_sink() -> None:
    async with running() as bench:
        pass
    assert bench.sink.is_closed
