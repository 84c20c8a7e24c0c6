"""The first visible record, and the number of visible records, by a bounded fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiokafka import TopicPartition

from stream.fetch.aiokafka_internals import Fetched
from stream.fetch.raw_batches import RawStep
from stream.fetch.record_batches import RecordBatches
from stream.lag.backlog import COUNTED, SEARCH_FETCHES, SKIM, look
from stream.lag.figures import Backlog
from tests.record_batches import Made, batch

TP = TopicPartition("leads", 0)
TRANSACTIONAL, CONTROL = 0x10, 0x20
COMMIT, ABORT = (Made(key=b"\0\0\0" + bytes([kind]), value=b"\0" * 6) for kind in (1, 0))


class Log:
    """Serves batches of a log as a broker does: a fetch brings one of them at least."""

    def __init__(
        self, *batches: tuple[int, bytes], end: int, aborted: Sequence[tuple[int, int]] = ()
    ):
        self.batches = batches
        self.end = end
        self.aborted = aborted
        self.fetches = 0

    async def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        self.fetches += 1
        data = next((data for last, data in self.batches if last >= start), b"")
        parsed = RecordBatches(
            Fetched(data, self.end, self.aborted),
            partition=0,
            start=start,
            stop=stop,
            limits=SKIM,
        )
        while records := parsed.take():
            yield RawStep(records, records[-1].offset + 1)
        yield RawStep((), parsed.next_offset)

    async def close(self) -> None:
        """Do nothing."""


def made(base: int, count: int, **options: object) -> tuple[int, bytes]:
    return base + count - 1, batch([Made()] * count, base=base, **options)  # type: ignore[arg-type]


async def test_a_position_in_the_middle_of_a_batch_skips_what_is_committed() -> None:
    stamps = [Made(timestamp_delta=delta) for delta in (0, 10, 20, 30)]
    log = Log((3, batch(stamps, base=0, timestamp=1_000)), end=4)
    assert await look(log, TP, 2, 4) == Backlog(2, True, 1_020)


async def test_a_batch_stamped_by_the_broker_has_the_brokers_time() -> None:
    log = Log((0, batch([Made()], attributes=0x08, max_timestamp=9_000)), end=1)
    assert await look(log, TP, 0, 1) == Backlog(1, True, 9_000)


async def test_commit_markers_at_the_end_are_no_lag() -> None:
    marker = batch([COMMIT], base=5, attributes=TRANSACTIONAL | CONTROL, producer=7)
    assert await look(Log((5, marker), end=6), TP, 5, 6) == Backlog(0, True, None)


async def test_an_aborted_transaction_is_skipped_up_to_the_next_visible_record() -> None:
    aborted = made(0, 3, attributes=TRANSACTIONAL, producer=7)
    marker = 3, batch([ABORT], base=3, attributes=TRANSACTIONAL | CONTROL, producer=7)
    visible = made(4, 2, timestamp=5_000)
    log = Log(aborted, marker, visible, end=6, aborted=[(7, 0)])
    assert await look(log, TP, 0, 6) == Backlog(2, True, 5_000)


async def test_gaps_of_compaction_are_not_counted() -> None:
    kept = 40, batch([Made(offset_delta=3), Made(offset_delta=10)], base=30, last_delta=10)
    log = Log(kept, made(90, 1), end=100)
    found = await look(log, TP, 0, 100)
    assert (found.messages, found.is_exact) == (3, True), "and offsets 91 to 99 hold nothing"


async def test_a_record_that_nobody_can_read_is_behind_too() -> None:
    log = Log((2, batch([Made()] * 3, crc_error=1)), end=3)
    found = await look(log, TP, 0, 3)
    assert found.messages == 3


async def test_values_are_skipped_whatever_their_size() -> None:
    large = batch([Made(value=b"v" * 100_000)], codec="zstd", timestamp=3_000)
    assert await look(Log((0, large), end=1), TP, 0, 1) == Backlog(1, True, 3_000)


async def test_a_long_backlog_is_counted_up_to_a_limit() -> None:
    batches = [made(at * 100, 100) for at in range(100)]
    log = Log(*batches, end=10_000)
    found = await look(log, TP, 0, 10_000)
    assert found == Backlog(10_000, False, 1_000)
    assert log.fetches <= COUNTED // 100 + 1


async def test_the_search_for_a_visible_record_is_bounded() -> None:
    count = SEARCH_FETCHES + 10
    batches = [made(at, 1, attributes=TRANSACTIONAL, producer=7) for at in range(count)]
    log = Log(*batches, end=count, aborted=[(7, 0)])
    found = await look(log, TP, 0, count)
    assert log.fetches == SEARCH_FETCHES
    assert found == Backlog(10, False, None)
