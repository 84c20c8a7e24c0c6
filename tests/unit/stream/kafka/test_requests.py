"""The one request that is not aiokafka's: its bytes, and which version a broker gets."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import InvalidTopicError

from stream.kafka.access import Operation
from stream.kafka.requests import _Metadata_v8, _TopicsRequest, describe_topics


def test_a_broker_is_asked_for_operations_and_to_make_no_topic() -> None:
    built = _TopicsRequest(["ab"]).prepare({3: (0, 13)})
    assert built.API_VERSION == 8
    assert built.encode() == b"\0\0\0\1" + b"\0\2ab" + b"\0" + b"\0" + b"\1"


def test_an_older_broker_is_asked_for_topics_alone() -> None:
    built = _TopicsRequest(["ab"]).prepare({3: (0, 5)})
    assert built.API_VERSION == 5
    assert built.encode() == b"\0\0\0\1" + b"\0\2ab" + b"\0"


def test_an_answer_is_read_as_kip_430_has_it() -> None:
    broker = struct.pack(">ih1sih", 7, 1, b"h", 9092, -1)
    partition = struct.pack(">hiii", 0, 3, 7, 1) + 3 * struct.pack(">i", 0)
    topic = struct.pack(">hh2s?i", 0, 2, b"ab", False, 1) + partition + struct.pack(">i", 1 << 3)
    answer = struct.pack(">ii", 0, 1) + broker + struct.pack(">h2sii", 2, b"id", 7, 1) + topic
    read = _Metadata_v8.decode(answer + struct.pack(">i", -(2**31))).to_object()
    [described] = read["topics"]
    assert (described["topic"], len(described["partitions"])) == ("ab", 1)
    assert described["authorized_operations"] == 1 << Operation.READ


class OneAnswer:
    """A client that gets one answer."""

    def __init__(self, *topics: dict[str, Any]) -> None:
        self._topics = topics

    def get_random_node(self) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        return SimpleNamespace(to_object=lambda: {"topics": self._topics})


async def test_a_topic_that_comes_into_being_has_no_partitions_yet() -> None:
    leaderless = {"topic": "a", "error_code": 5, "partitions": [], "authorized_operations": 8}
    topics = await describe_topics(OneAnswer(leaderless), ["a"])
    assert topics["a"] == (None, frozenset({Operation.READ}), 0, 0)


async def test_the_weakest_partition_counts_for_replicas_and_in_sync_ones() -> None:
    partitions = [{"replicas": [1, 2, 3], "isr": [1]}, {"replicas": [1, 2], "isr": [1, 2]}]
    answer = {"topic": "a", "error_code": 0, "partitions": partitions}
    found = (await describe_topics(OneAnswer(answer), ["a"]))["a"]
    assert (found.partitions, found.replicas, found.in_sync) == (2, 2, 1)


async def test_another_error_of_a_topic_is_raised() -> None:
    with pytest.raises(InvalidTopicError):
        await describe_topics(
            OneAnswer({"topic": "a", "error_code": InvalidTopicError.errno, "partitions": []}),
            ["a"],
        )
