"""Dead letters of a sink: headers, partition, and the form that the topic takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agents.records import Output
from schemas.errors import ErrorCode, InvalidEventError
from stream.deliver.sending import RecordsTooLargeError
from stream.kafka.topic_limits import TopicLimits
from stream.sinks.dead_letters import SinkDeadLetters
from stream.sinks.sink import Log
from tests.unit.stream.sinks.fake_sink import record_of

TOPIC = "leads.sinks.dlq"
LARGE = 1000
"""Bytes of a letter that the topic refuses."""
VERDICT = InvalidEventError(ErrorCode.SINK_REFUSED, "too long for its column")


class FakeEmitter:
    """Remembers rows; refuses the first ones as too large on request."""

    def __init__(self, limit: int = 1_000_000) -> None:
        async def read(topics: object) -> dict[str, int]:
            return {TOPIC: limit}

        self.limits = TopicLimits([TOPIC], read, fallback=limit, batch_bytes=limit)  # type: ignore[arg-type]
        self.refuses = 0
        self.sent: list[tuple[int, Output]] = []

    async def send(
        self, topic: str, partition: int, rows: Sequence[Output]
    ) -> Sequence[asyncio.Future[None]]:
        assert topic == TOPIC
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.refuses:
            self.refuses -= 1
            await self.limits.learn(topic, LARGE, is_one_record=True)
            future.set_exception(RecordsTooLargeError(topic, [len(rows) - 1]))
            rows = rows[:-1]
        else:
            future.set_result(None)
        self.sent += [(partition, row) for row in rows]
        return [future]


def letters(emitter: FakeEmitter) -> SinkDeadLetters:
    return SinkDeadLetters(emitter, TOPIC, sink="crm", content="scores")  # type: ignore[arg-type]


async def test_a_letter_names_source_reason_and_sink_and_keeps_the_value() -> None:
    emitter, record = FakeEmitter(), record_of(17)
    await letters(emitter).send(Log("leads.scored", 3), [(record, VERDICT)])
    [(partition, (key, value, headers))] = emitter.sent
    found = dict(headers)
    assert (partition, key, value) == (3, record.key, record.value)
    assert found["__connect.errors.topic"] == b"leads.scored"
    assert found["__connect.errors.offset"] == b"17"
    assert found["leadscore.error.code"] == b"SINK_REFUSED"
    assert found["__connect.errors.exception.message"] == b"too long for its column"
    assert found["leadscore.sink"] == b"crm"


async def test_nothing_is_sent_without_letters() -> None:
    emitter = FakeEmitter()
    await letters(emitter).send(Log("leads.scored", 3), [])
    assert emitter.sent == []


async def test_a_letter_that_is_refused_as_too_large_is_sent_without_its_value() -> None:
    emitter, record = FakeEmitter(), record_of(17, value=b"x" * LARGE)
    emitter.refuses = 1
    await letters(emitter).send(Log("leads.scored", 3), [(record, VERDICT)])
    [(_, (key, value, headers))] = emitter.sent
    assert (key, value) == (None, None)
    assert dict(headers)["leadscore.value.left.out.bytes"] == b"%d" % LARGE
