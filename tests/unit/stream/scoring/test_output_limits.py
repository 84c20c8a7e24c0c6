"""Outputs that are too large for their topics."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from schemas.errors import FatalError
from stream.consume.partition_progress import Batch
from stream.kafka.producer import record_bytes
from stream.scoring import output_limits
from tests.unit.stream.scoring.pipeline_bench import (
    Place,
    Record,
    batch,
)


async def test_an_event_too_large_for_its_topic_becomes_a_dead_letter_before_it_is_sent() -> None:
    async with Place() as place:
        place.emitter.limit = 500
        await place.pipeline.accept([batch(0)])
        await place.until_sent(1)
        assert place.emitter.topics() == ["dead"]
        codes = [
            dict(headers)["leadscore.error.code"] for _, _, headers in place.emitter.sent[0][2]
        ]
        assert codes == [b"OUTPUT_TOO_LARGE"] * 2


@pytest.mark.parametrize("name", ["x-request-id", "traceparent", "tracestate"])
async def test_headers_of_the_lead_count_towards_the_size_of_its_event(name: str) -> None:
    async with Place() as place:
        place.emitter.limit = 3_000
        value = b'{"lead_id":"a","created_at":1,"age":5}'
        long = Record(0, value, headers=[(name, b"t" * (200 if name == "x-request-id" else 2_500))])
        given = Batch(TopicPartition("leads", 0), [long])  # type: ignore[arg-type]
        await place.pipeline.accept([given])
        await place.until_sent(1)
        assert place.emitter.topics() == ["scored" if name == "x-request-id" else "dead"]


async def test_a_dead_letter_too_large_for_its_topic_is_sent_without_its_value() -> None:
    async with Place() as place:
        place.emitter.dead_limit = 700
        await place.pipeline.accept([batch(0, 1, value=b"?" * 500)])
        await place.until_sent(1)
        [(key, value, headers)] = place.emitter.sent[0][2]
        assert (key, value) == (None, None)
        assert dict(headers)["leadscore.value.left.out.bytes"] == b"500"
        assert dict(headers)["__connect.errors.offset"] == b"0"


async def test_letters_without_their_values_are_one_line_of_the_log_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each was a line of its own: a sender's broken leads filled the disk."""
    async with Place() as place:
        place.emitter.dead_limit = 700
        await place.pipeline.accept([batch(0, 5, value=b"?" * 500)])
        await place.until_sent(1)
        monkeypatch.setattr(output_limits, "AGAIN", 0.0)
        await place.pipeline.accept([batch(5, 1, value=b"?" * 500)])
        await place.until_sent(2)
        lines = [line.split()[0] for line in caplog.messages if "without their values" in line]
        assert lines == ["1", "5"]


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        (700, {"__connect.errors.exception.message", "leadscore.schema", "leadscore.attempt"}),
        (360, {"__connect.errors.topic", "__connect.errors.partition"}),
        (300, set()),
    ],
)
async def test_a_dead_letter_keeps_as_many_headers_as_its_topic_takes(
    limit: int, names: set[str]
) -> None:
    async with Place() as place:
        place.emitter.dead_limit = limit
        await place.pipeline.accept([batch(0, 1, value=b"?" * 700)])
        await place.until_sent(1)
        [(key, value, headers)] = place.emitter.sent[0][2]
        assert (key, value) == (None, None)
        assert record_bytes(key, value, headers) <= limit
        least = {
            "__connect.errors.offset",
            "leadscore.error.code",
            "leadscore.value.left.out.bytes",
        }
        assert names | least <= dict(headers).keys()


async def test_a_topic_that_takes_no_dead_letter_at_all_is_an_error_that_names_its_setting() -> (
    None
):
    async with Place() as place:
        place.emitter.dead_limit = 100
        with pytest.raises(FatalError, match=r"raise its max\.message\.bytes"):
            place.pipeline.verify_limits()
        await place.pipeline.accept([batch(0, 1, value=b"?")])
        await place.settle()
        [error] = place.crashes
        assert "Topic dead was expected to take records of 2" in str(error)
        place.emitter.dead_limit = 300
        place.pipeline.verify_limits()
