"""Committed offsets of a group: an error is never mistaken for "no commit"."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    NoError,
)

from stream.kafka import committed_offsets as committed
from stream.kafka.commit_metadata import Commit
from testing.jumping_time import in_jumping_time

AT = TopicPartition("leads", 0)


class FakeAdmin:
    """An admin client whose answers are scripted."""

    answers: ClassVar[deque[Any]] = deque()
    are_open = 0

    def __init__(self, **options: Any) -> None:
        assert options.pop("request_timeout_ms") > 0
        assert options == {"bootstrap_servers": "here:1"}

    async def start(self) -> None:
        FakeAdmin.are_open += 1

    async def close(self) -> None:
        FakeAdmin.are_open -= 1

    async def list_consumer_group_offsets(
        self, group_id: str, *, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        assert (group_id, partitions) == ("group", [AT])
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return {} if answer is None else {AT: OffsetAndMetadata(answer, "by whom")}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> deque[Any]:
    monkeypatch.setattr(committed, "AIOKafkaAdminClient", FakeAdmin)
    FakeAdmin.answers.clear()
    return FakeAdmin.answers


def check(answers: deque[Any], given: list[Any], expected: Commit | None) -> None:
    @in_jumping_time
    async def run() -> None:
        answers.extend(given)
        offsets = committed.GroupOffsets({"bootstrap_servers": "here:1"}, "group")
        assert await offsets.read(AT) == expected
        assert not answers
        assert FakeAdmin.are_open == 0

    run()


def test_an_offset_is_returned(answers: deque[Any]) -> None:
    check(answers, [7], Commit(7, "by whom"))


def test_no_commit_is_none(answers: deque[Any]) -> None:
    check(answers, [-1], None)


def test_a_coordinator_that_is_loading_is_asked_again(answers: deque[Any]) -> None:
    """Its answer is without the partition, which aiokafka's consumer takes for no commit."""
    check(answers, [None, None, 20], Commit(20, "by whom"))


@pytest.mark.parametrize(
    "error", [KafkaConnectionError(), GroupCoordinatorNotAvailableError(), NoError()]
)
def test_a_retriable_error_is_retried(answers: deque[Any], error: Exception) -> None:
    check(answers, [error, 3], Commit(3, "by whom"))


def test_an_error_that_no_retry_resolves_is_raised(answers: deque[Any]) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        check(answers, [GroupAuthorizationFailedError("group")], None)
