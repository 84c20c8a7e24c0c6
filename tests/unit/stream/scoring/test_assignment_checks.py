"""Where a partition starts, and with which model: by its commit, and by the outputs there are."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from schemas.errors import StartupError
from schemas.model_identity import ModelIdentity
from stream.consume.foreign_commits import ForeignCommit, ForeignCommits
from stream.consume.start_offsets import Start
from stream.deliver.emitted_offsets import ANY_OFFSET
from stream.kafka.commit_metadata import Commit, ModelPin, metadata_of
from stream.scoring.assignment_checks import PartitionStart
from stream.scoring.serving_model import Serving
from testing.jumping_time import in_jumping_time

AT = TopicPartition("leads", 0)


def serving(version: str) -> Serving:
    scorer: Any = f"scorer {version}"
    return Serving(scorer, ModelIdentity("bank", version, version * 64), "onnx", "none", {})


CURRENT, EARLIER = serving("2"), serving("1")
PIN = ModelPin(EARLIER.identity, since=4)
OLD, NEW = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"


class FakeEmitted:
    """How far outputs reach: an offset, 0 where there is none, None where that is not known."""

    def __init__(self) -> None:
        self.reach: int | None = 0
        self.asked: list[str | None] = []

    async def end(
        self, partition: TopicPartition, above: int = ANY_OFFSET, models: Any = None
    ) -> int | None:
        self.asked.append(models)
        return self.reach


class FakeModels:
    """The models that commits name: all can be loaded, or none."""

    def __init__(self, *, are_available: bool) -> None:
        self._are_available = are_available

    async def available(self, pin: ModelPin, offset: int) -> ModelPin:
        return pin if self._are_available else ModelPin(CURRENT.identity, offset)


class FakeChanges:
    """The models that partitions start with."""

    def __init__(self) -> None:
        self.pins: dict[TopicPartition, ModelPin] = {}

    def pin(self, partition: TopicPartition, pin: ModelPin) -> None:
        self.pins[partition] = pin


class FakeMissing:
    """Partitions that were reported to lack a commit, and commits of another log."""

    def __init__(self) -> None:
        self.reported: list[TopicPartition | Commit] = []

    async def report(self, partition: TopicPartition) -> None:
        self.reported.append(partition)

    def report_replaced(self, _: TopicPartition, commit: Commit) -> None:
        self.reported.append(commit)


class FakeRemoved:
    """Partitions whose start looked at those that the topic lacks."""

    def __init__(self) -> None:
        self.looks: list[TopicPartition] = []

    async def report(self, partition: TopicPartition) -> None:
        self.looks.append(partition)


class Place:
    """A partition that is about to start, in a log of 100 records."""

    def __init__(
        self, *, are_available: bool = True, stops: bool = False, topic_id: str | None = NEW
    ) -> None:
        self.changes, self.emitted, self.missing = FakeChanges(), FakeEmitted(), FakeMissing()
        self.foreign: list[ForeignCommit] = []
        self.topic_id = topic_id
        changes: Any = self.changes
        models: Any = FakeModels(are_available=are_available)
        emitted: Any = self.emitted
        missing: Any = self.missing
        self.removed = FakeRemoved()
        removed: Any = self.removed
        self.start = PartitionStart(
            changes=changes,
            models=models,
            emitted=emitted,
            bounds=self._bounds,
            topic_id=self._topic_id,
            foreign=ForeignCommits(self.foreign.append, stops=stops),
            missing=missing,
            removed=removed,
        )

    async def pin_of(self, commit: Commit | None) -> ModelPin | None:
        """Return the model with which a partition starts."""
        return (await self.start.start_of(AT, commit)).pin

    async def _bounds(self, _: TopicPartition) -> tuple[int, int]:
        return 0, 100

    async def _topic_id(self, _: str) -> str | None:
        return self.topic_id


def commit(offset: int, pin: ModelPin | None = PIN) -> Commit:
    return Commit(offset, metadata_of(offset, pin))


@in_jumping_time
async def test_a_partition_without_a_commit_or_without_a_model_in_it_is_pinned_to_none() -> None:
    place = Place()
    assert await place.pin_of(None) is None
    assert await place.pin_of(commit(10, None)) is None
    assert place.changes.pins == {}
    assert place.foreign == []


async def test_the_model_of_the_commit_scores_up_to_the_last_output() -> None:
    place = Place()
    place.emitted.reach = 25
    assert await place.pin_of(commit(10)) == ModelPin(EARLIER.identity, 4, 25)
    assert place.changes.pins == {AT: PIN}
    assert place.emitted.asked == [(EARLIER.identity.sha256,)]


@in_jumping_time
async def test_outputs_of_a_log_that_was_deleted_do_not_reach_beyond_the_new_one() -> None:
    place = Place()
    place.emitted.reach = 5000
    found = await place.pin_of(commit(10))
    assert found is not None
    assert found.until == 100


async def test_where_outputs_cannot_be_read_all_records_may_have_been_scored() -> None:
    place = Place()
    place.emitted.reach = None
    found = await place.pin_of(commit(10))
    assert found is not None
    assert found.until == 100


async def test_where_the_model_of_the_commit_is_not_available_the_current_one_scores() -> None:
    place = Place(are_available=False)
    assert await place.pin_of(commit(10)) == ModelPin(CURRENT.identity, 10)
    assert place.changes.pins == {AT: ModelPin(CURRENT.identity, 10)}
    assert place.emitted.asked == []


@in_jumping_time
async def test_a_commit_that_no_worker_made_is_reported_with_how_far_outputs_reach() -> None:
    place = Place()
    place.emitted.reach = 40
    assert await place.pin_of(Commit(70)) is None
    [found] = place.foreign
    assert (found.offset, found.before, found.direction) == (70, 40, "forward")


@in_jumping_time
async def test_such_a_commit_stops_the_worker_where_the_settings_say_so() -> None:
    place = Place(stops=True)
    place.emitted.reach = 40
    with pytest.raises(StartupError):
        await place.pin_of(Commit(70))


@pytest.mark.parametrize(
    ("written", "found"), [(NEW, NEW), (None, NEW), (OLD, None)], ids=["same", "none", "no ids"]
)
async def test_a_partition_starts_at_its_commit(written: str | None, found: str | None) -> None:
    place = Place(topic_id=found)
    place.emitted.reach = 50
    start = await place.start.start_of(AT, Commit(40, metadata_of(40, PIN, written)))
    assert start == Start(40, ModelPin(EARLIER.identity, 4, 50), found)
    assert place.missing.reported == place.removed.looks == []


async def test_a_commit_of_a_deleted_topics_log_is_a_loss_and_the_new_log_is_read_whole() -> None:
    """The new log is longer than the commit: its first 40 leads were skipped."""
    place = Place()
    place.emitted.reach = 50
    start = await place.start.start_of(AT, Commit(40, metadata_of(40, PIN, OLD)))
    assert start == Start(None, None, NEW)
    assert place.missing.reported == [Commit(40, metadata_of(40, PIN, OLD))]
    assert place.removed.looks == [AT]
    assert place.changes.pins == {}


async def test_a_foreign_commit_is_of_any_log() -> None:
    """An operator's, as after a move to another cluster: it is where reading continues."""
    place = Place()
    place.emitted.reach = 40
    assert await place.start.start_of(AT, Commit(40)) == Start(40, None, NEW)
    assert place.missing.reported == place.removed.looks == []


async def test_a_partition_without_a_commit_starts_at_the_logs_start_and_is_looked_at() -> None:
    place = Place()
    assert await place.start.start_of(AT, None) == Start(None, None, NEW)
    assert place.missing.reported == place.removed.looks == [AT]


async def test_a_foreign_commit_that_can_not_be_compared_moves_by_an_unknown_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place()
    place.emitted.reach = None
    assert await place.pin_of(Commit(70)) is None
    assert [found.direction for found in place.foreign] == ["unknown"]
    assert "the outputs could not be read" in caplog.text


@in_jumping_time
async def test_a_broker_that_is_down_is_asked_for_the_end_of_the_log_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the outputs nor the log could be read: the worker ended."""
    place = Place()
    place.emitted.reach = None
    answers: list[Any] = [KafkaConnectionError("down"), KafkaConnectionError("down"), (0, 100)]

    async def bounds(_: TopicPartition) -> tuple[int, int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(place.start, "_bounds", bounds)
    pin = await place.pin_of(commit(10))
    assert pin is not None
    assert pin.until == 100
    assert answers == []


async def test_a_log_that_may_not_be_read_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place()
    place.emitted.reach = None

    async def bounds(_: TopicPartition) -> tuple[int, int]:
        raise TopicAuthorizationFailedError("leads.created")

    monkeypatch.setattr(place.start, "_bounds", bounds)
    with pytest.raises(TopicAuthorizationFailedError):
        await place.pin_of(commit(10))
