"""Dead letters of a sink are written to its target again, as far as it takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.records import SourceRecord
from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import dead_letter_headers
from schemas.record_codec import RecordCodec
from schemas.store import SchemaStore
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.sink_redrive import SinkAccount, SinkRedrive
from stream.fetch.raw_records import RawRecord
from stream.sinks.dead_letters import SINK_NAME
from stream.sinks.reading import reader_of
from stream.sinks.sink import (
    SKIPPED,
    WRITTEN,
    Gathering,
    Log,
    TargetUnavailableError,
    refuse,
    retry_later,
)
from testing.jumping_time import in_jumping_time
from testing.scored_events import scored
from tests.unit.stream.sinks.fake_sink import FakeSink

TOPIC = "leads.sinks.dlq"
CODEC = RecordCodec("lead_scored")


def letter(offset: int, *, sink: str = "crm", value: bytes | None = None) -> RawRecord:
    """Return a dead letter of a sink."""
    headers = dead_letter_headers(
        [],
        topic="leads.scored",
        partition=0,
        offset=100 + offset,
        timestamp=5_000 + offset,
        error=InvalidEventError(ErrorCode.SINK_REFUSED, "refused"),
        schema="scores",
    )
    encoded = CODEC.encode(scored(f"lead-{offset}", offset=offset)) if value is None else value
    return RawRecord(0, offset, 9_000, b"k", encoded, (*headers, (SINK_NAME, sink.encode())))


@dataclass
class FakeLetters:
    """Partitions of the topic, read two records at a time."""

    records: Sequence[RawRecord]
    topic: str = TOPIC
    reads: list[tuple[int, Span]] = field(default_factory=list)

    async def read(
        self, partition: int, span: Span
    ) -> AsyncGenerator[Sequence[SourceRecord], None]:
        self.reads.append((partition, span))
        of_partition = [at for at in self.records if span.start <= at.offset < span.end]
        for start in range(0, len(of_partition), 2):
            yield of_partition[start : start + 2]


async def run(sink: FakeSink, *records: RawRecord, **given: Any) -> SinkAccount:
    options: dict[str, Any] = {"topic_id": "9f2JkQ", "stop": asyncio.Event()} | given
    redrive = SinkRedrive(
        sink,
        "crm",
        reader_of("scores", SchemaStore.load()),
        FakeLetters(records),
        **options,
    )
    return await redrive.run({0: Span(0, 100)})


async def test_a_fixed_target_gets_the_letters_of_its_sink() -> None:
    sink = FakeSink()
    account = await run(sink, letter(0), letter(1, sink="other"), letter(2))
    assert sink.offsets == [[0, 2]]
    assert sink.batches[0].log == Log(TOPIC, 0, "9f2JkQ")
    assert [at.lead_id for at in sink.batches[0].records] == ["lead-0", "lead-2"]
    assert [at.timestamp for at in sink.batches[0].records] == [5_000, 5_002]
    assert (account.read, account.of_others, account.written, account.remain) == (3, 1, 2, 0)
    assert account.is_complete
    assert sink.is_closed


async def test_a_letter_keeps_the_grade_of_its_lead() -> None:
    sink, graded = FakeSink(), letter(0)
    graded.headers = (("leadscore.grade", b"B2"), *graded.headers)
    await run(sink, graded, letter(1))
    assert [at.grade for at in sink.batches[0].records] == ["B2", None]


async def test_batches_are_as_large_as_the_sink_wants_them() -> None:
    sink = FakeSink()
    sink.gathering = Gathering(records=3)
    await run(sink, *map(letter, range(8)))
    assert sink.offsets == [[0, 1, 2], [3, 4, 5], [6, 7]]


async def test_a_letter_that_is_refused_again_remains_with_its_reason() -> None:
    sink = FakeSink()
    sink.answers.append(lambda _: [WRITTEN, refuse("the label"), SKIPPED])
    account = await run(sink, *map(letter, range(3)))
    assert (account.written, account.skipped, account.refused) == (1, 1, {"the label": 1})
    assert account.remain == 1


async def test_a_letter_that_still_cannot_be_read_or_has_no_value_remains() -> None:
    left_out = letter(1)
    left_out.value = None
    left_out.headers = (*left_out.headers, ("leadscore.value.left.out.bytes", b"9"))
    account = await run(FakeSink(), letter(0, value=b"no event"), left_out, letter(2))
    assert (account.unreadable, account.left_out, account.written) == ({"DECODE": 1}, 1, 1)
    assert account.remain == 2


@in_jumping_time
async def test_while_the_target_is_unavailable_the_batch_waits() -> None:
    sink = FakeSink()
    sink.open_errors.append(TargetUnavailableError("away"))
    sink.answers += [TargetUnavailableError("away"), lambda _: [WRITTEN, retry_later(7.0)]]
    account = await run(sink, letter(0), letter(1))
    assert sink.offsets == [[0, 1], [0, 1], [1]]
    assert account.written == 2


async def test_a_stop_ends_it_after_the_write_under_way() -> None:
    sink, stop = FakeSink(), asyncio.Event()
    sink.gathering = Gathering(records=2)
    account = await run(sink, *map(letter, range(6)), stop=stop, on_progress=lambda _: stop.set())
    assert (sink.offsets, account.is_complete) == ([[0, 1]], False)
    assert sink.is_closed


async def test_schema_ids_of_the_sinks_letters_are_looked_up_before_they_are_read() -> None:
    looked_up: list[int] = []

    async def look_up(records: Sequence[SourceRecord]) -> None:
        looked_up.extend(record.offset for record in records)

    await run(FakeSink(), letter(0), letter(1, sink="other"), look_up=look_up)
    assert looked_up == [0]
