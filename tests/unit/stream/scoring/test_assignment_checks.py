"""Where a partition starts, and with which model: by its commit, and by the outputs there are."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from aiokafka import TopicPartition

from model.registry import ModelNotFoundError
from schemas.errors import StartupError
from schemas.model_identity import ModelIdentity
from stream.consume.foreign_commits import ForeignCommit, ForeignCommits
from stream.consume.lost_records import Loss, LossReason
from stream.consume.start_offsets import Start
from stream.deliver.emitted_offsets import ANY_OFFSET
from stream.kafka.commit_metadata import Commit, ModelPin, metadata_of
from stream.scoring.assignment_checks import LOAD_ATTEMPTS, PartitionStart
from stream.scoring.serving_model import Serving
from testing.jumping_time import in_jumping_time

AT = TopicPartition("leads", 0)


def serving(version: str) -> Serving:
    scorer: Any = f"scorer {version}"
    return Serving(scorer, ModelIdentity("bank", version, version * 64), "onnx", "none", {})


CURRENT, EARLIER = serving("2"), serving("1")
PIN = ModelPin(EARLIER.identity, since=4)
OLD, NEW = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"


class FakeChanges:
    """The models that a worker holds."""

    def __init__(self, held: set[ModelIdentity]) -> None:
        self.current = CURRENT
        self.held = held
        self.pins: dict[TopicPartition, ModelPin] = {}

    def has(self, pin: ModelPin) -> bool:
        return pin.model in self.held

    def keep(self, serving: Serving) -> None:
        self.held.add(serving.identity)

    def pin(self, partition: TopicPartition, pin: ModelPin) -> None:
        self.pins[partition] = pin


class FakeEmitted:
    """How far outputs reach: an offset, 0 where there is none, None where that is not known."""

    def __init__(self) -> None:
        self.reach: int | None = 0
        self.asked: list[str | None] = []

    async def end(
        self, partition: TopicPartition, above: int = ANY_OFFSET, sha256: str | None = None
    ) -> int | None:
        self.asked.append(sha256)
        return self.reach


class Place:
    """A partition that is about to start, in a log of 100 records."""

    def __init__(
        self,
        *,
        holds_earlier: bool = True,
        stops: bool = False,
        ignores_pins: bool = False,
        topic_id: str | None = NEW,
        remembers: bool = False,
    ) -> None:
        held = {CURRENT.identity, *([EARLIER.identity] if holds_earlier else [])}
        self.changes, self.emitted = FakeChanges(held), FakeEmitted()
        self.loads: deque[Exception] = deque()
        self.loaded: list[ModelIdentity] = []
        self.foreign: list[ForeignCommit] = []
        self.losses: list[Loss] = []
        self.missing = 0
        self.topic_id = topic_id
        changes: Any = self.changes
        emitted: Any = self.emitted
        self.start = PartitionStart(
            changes=changes,
            emitted=emitted,
            bounds=self._bounds,
            topic_id=self._topic_id,
            remembers=lambda _: remembers,
            on_loss=self.losses.append,
            load=self._load,
            foreign=ForeignCommits(self.foreign.append, stops=stops),
            missing=self._count_missing,
            ignores_pins=ignores_pins,
        )

    async def pin_of(self, commit: Commit | None, number: int = 0) -> ModelPin | None:
        """Return the model with which a partition starts."""
        return (await self.start.start_of(TopicPartition("leads", number), commit)).pin

    async def _bounds(self, _: TopicPartition) -> tuple[int, int]:
        return 0, 100

    async def _topic_id(self, _: str) -> str | None:
        return self.topic_id

    def _load(self, identity: ModelIdentity) -> Serving:
        self.loaded.append(identity)
        if self.loads:
            raise self.loads.popleft()
        return EARLIER

    def _count_missing(self) -> None:
        self.missing += 1


def commit(offset: int, pin: ModelPin | None = PIN) -> Commit:
    return Commit(offset, metadata_of(offset, pin))


@in_jumping_time
async def test_a_partition_without_a_commit_or_without_a_model_in_it_is_pinned_to_none() -> None:
    place = Place()
    assert await place.pin_of(None) is None
    assert await place.pin_of(commit(10, None)) is None
    assert place.changes.pins == {}
    assert place.foreign == []


async def test_the_model_of_the_commit_is_loaded_and_scores_up_to_the_last_output() -> None:
    place = Place(holds_earlier=False)
    place.emitted.reach = 25
    assert await place.pin_of(commit(10)) == ModelPin(EARLIER.identity, 4, 25)
    assert place.changes.pins == {AT: PIN}
    assert place.loaded == [EARLIER.identity]
    assert place.emitted.asked == [EARLIER.identity.sha256]


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


async def test_a_model_is_loaded_once_for_all_partitions() -> None:
    place = Place(holds_earlier=False)
    await asyncio.gather(*(place.pin_of(commit(10), n) for n in range(4)))
    assert place.loaded == [EARLIER.identity]


async def test_a_model_that_the_registry_lacks_is_counted_and_the_current_one_scores() -> None:
    place = Place(holds_earlier=False)
    place.loads.append(ModelNotFoundError("no such version"))
    assert await place.pin_of(commit(10)) == ModelPin(CURRENT.identity, 10)
    assert (place.missing, len(place.loaded)) == (1, 1)


async def test_a_registry_that_is_slow_to_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.scoring.assignment_checks.MODEL_LOAD_PAUSE", 0.0)
    place = Place(holds_earlier=False)
    place.loads.extend([OSError("slow")] * (LOAD_ATTEMPTS - 1))
    found = await place.pin_of(commit(10))
    assert found is not None
    assert found.model == EARLIER.identity
    assert (place.missing, len(place.loaded)) == (0, LOAD_ATTEMPTS)


async def test_where_pins_are_ignored_the_current_model_scores_and_none_is_loaded() -> None:
    place = Place(holds_earlier=False, ignores_pins=True)
    assert await place.pin_of(commit(10)) == ModelPin(CURRENT.identity, 10)
    assert place.loaded == []


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
    assert place.losses == []


async def test_a_commit_of_a_deleted_topics_log_is_a_loss_and_the_new_log_is_read_whole() -> None:
    """The new log is longer than the commit: its first 40 leads were skipped."""
    place = Place()
    place.emitted.reach = 50
    start = await place.start.start_of(AT, Commit(40, metadata_of(40, PIN, OLD)))
    assert start == Start(None, None, NEW)
    assert place.losses == [Loss(AT, 40, 40, LossReason.LOG_REPLACED)]
    assert place.changes.pins == {}


async def test_a_foreign_commit_is_of_any_log() -> None:
    """An operator's, as after a move to another cluster: it is where reading continues."""
    place = Place()
    place.emitted.reach = 40
    assert await place.start.start_of(AT, Commit(40)) == Start(40, None, NEW)
    assert place.losses == []


async def test_outputs_beyond_the_logs_end_without_a_commit_are_those_of_another_log() -> None:
    place = Place()
    place.emitted.reach = 101
    assert await place.start.start_of(AT, None) == Start(None, None, NEW)
    assert place.losses == [Loss(AT, 101, 101, LossReason.LOG_REPLACED)]


async def test_outputs_of_the_log_without_a_commit_are_a_commit_that_was_deleted() -> None:
    place = Place()
    place.emitted.reach = 100
    assert await place.start.start_of(AT, None) == Start(None, None, NEW)
    assert place.foreign == [ForeignCommit(AT, 0, 100)]


@pytest.mark.parametrize("commit", [None, Commit(40, metadata_of(40, None, OLD))])
async def test_a_worker_that_has_seen_the_commit_reports_its_loss_once(
    commit: Commit | None,
) -> None:
    """It knows more: how far the old log was read, and where it ended."""
    place = Place(remembers=True)
    place.emitted.reach = 101
    assert await place.start.start_of(AT, commit) == Start(None, None, NEW)
    assert (place.losses, place.foreign) == ([], [])
