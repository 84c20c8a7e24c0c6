"""The topic of plans: the latest record of each replay, and errors as sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from schemas.errors import FatalError, InputError, StartupError
from stream.kafka import keyed_log
from stream.kafka.lenient_polls import Take, UnreadableRecordError, all_readable
from stream.replay.account import Account
from stream.replay.plan import ReplayPlan, ReplayRecord, State
from stream.replay.plan_log import PlanLog, read_record
from stream.settings import Settings
from tests.unit.stream.replay.test_plan import NOW, plan_of

TOPIC = TopicPartition("leads.replays", 0)


class Stored(NamedTuple):
    key: bytes | None
    value: bytes | None


def stored(plan: ReplayPlan, state: State = "planned", **given: Any) -> Stored:
    record = ReplayRecord(state=state, plan=plan, written_at=NOW, **given)
    return Stored(plan.id.encode(), record.model_dump_json().encode())


DAMAGED = Stored(b"bad", b"{")


@dataclass
class FakeTopic:
    """The topic, as a reader and as a producer.

    Attributes
    ----------
    later
        Records that are written while it is followed.
    unreadable
        Position of a record that can't be read.
    refusal
        What a write or a read raises.
    """

    records: list[Stored] = field(default_factory=list)
    later: list[Stored] = field(default_factory=list)
    unreadable: int | None = None
    refusal: Exception | None = None
    options: dict[str, Any] = field(default_factory=dict)
    are_open: int = 0

    def add(self, plan: ReplayPlan, state: State = "planned", **given: Any) -> None:
        self.records.append(stored(plan, state, **given))

    async def partition_counts(self, *_: object) -> dict[str, int]:
        return {TOPIC.topic: 1}

    # As a LogReader

    async def end_offset(self, at: TopicPartition) -> int:
        assert at == TOPIC
        if self.refusal:
            raise self.refusal
        return len(self.records)

    async def read(
        self, at: TopicPartition, start: int, stop: int, *, take: Take
    ) -> AsyncIterator[list[Stored]]:
        assert stop, "aiokafka hangs if a consumer of nothing is stopped at once"
        for offset, record in enumerate(self.records[start:stop]):
            if offset != self.unreadable:
                yield [record]
            elif take is all_readable:
                raise UnreadableRecordError("expected to read every record")

    async def follow(self, at: TopicPartition, start: int) -> AsyncIterator[Sequence[Stored]]:
        yield self.records[start:]
        yield []
        yield self.later

    # As a producer

    def open(self, **options: Any) -> FakeTopic:
        self.options = options
        return self

    async def start(self) -> None:
        self.are_open += 1

    async def stop(self) -> None:
        self.are_open -= 1

    async def send_and_wait(self, topic: str, value: bytes, key: bytes, *, partition: int) -> None:
        assert (topic, partition) == TOPIC
        if self.refusal:
            raise self.refusal
        self.records.append(Stored(key, value))


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> FakeTopic:
    topic = FakeTopic()
    monkeypatch.setattr(keyed_log, "LogReader", lambda connection, level: topic)
    monkeypatch.setattr(keyed_log, "AIOKafkaProducer", topic.open)
    monkeypatch.setattr(keyed_log, "partition_counts", topic.partition_counts)
    return topic


async def test_a_record_is_written_by_the_replays_id_to_all_in_sync_replicas(
    topic: FakeTopic,
) -> None:
    accounts = {0: Account(scored=45)}
    await PlanLog(Settings()).write("ended", plan_of(), accounts)
    [stored] = topic.records
    found = read_record(stored.value)
    assert (stored.key, found.state, found.accounts) == (b"r1", "ended", accounts)
    assert (topic.options["acks"], topic.options["enable_idempotence"]) == ("all", True)
    assert topic.are_open == 0


async def test_a_write_that_kafka_refuses_is_an_error_with_the_right(topic: FakeTopic) -> None:
    topic.refusal = TopicAuthorizationFailedError(TOPIC.topic)
    with pytest.raises(FatalError, match=r"replay r1, but Kafka answered.*may write to the topic"):
        await PlanLog(Settings()).write("planned", plan_of())
    assert topic.are_open == 0


async def test_an_empty_topic_has_no_replay(topic: FakeTopic) -> None:
    assert await PlanLog(Settings()).replays() == {}


async def test_the_latest_record_of_each_replay_counts_the_oldest_replay_first(
    topic: FakeTopic,
) -> None:
    topic.add(plan_of(id="new", created_at=NOW + timedelta(hours=1)))
    topic.add(plan_of(id="old"))
    topic.add(plan_of(id="old"), "cancelled")
    topic.records.append(Stored(b"gone", None))  # a tombstone
    found = await PlanLog(Settings()).replays()
    assert [(key, record.state) for key, record in found.items()] == [
        ("old", "cancelled"), ("new", "planned")
    ]  # fmt: skip


async def test_a_topic_that_cannot_be_read_is_an_error_with_the_right(topic: FakeTopic) -> None:
    topic.refusal = KafkaConnectionError("away")
    with pytest.raises(FatalError, match=r"expected to read leads.replays.*may read the topic"):
        await PlanLog(Settings()).replays()


async def test_a_damaged_record_hides_no_other_replay(
    topic: FakeTopic, caplog: pytest.LogCaptureFixture
) -> None:
    topic.add(plan_of())
    topic.records.append(DAMAGED)
    assert [*await PlanLog(Settings()).replays()] == ["r1"]
    assert "the record of replay 'bad'" in caplog.text
    assert (await PlanLog(Settings()).find("r1")).plan.id == "r1"


async def test_a_damaged_record_is_an_error_for_its_own_replay(topic: FakeTopic) -> None:
    topic.records.append(DAMAGED)
    with pytest.raises(StartupError, match="version of LeadScore that wrote it"):
        await PlanLog(Settings()).find("bad")


async def test_a_replay_is_not_looked_up_in_a_topic_with_a_record_that_cannot_be_read(
    topic: FakeTopic,
) -> None:
    """The end of the replay was skipped, and it ran a second time."""
    topic.add(plan_of())
    topic.add(plan_of(), "ended")
    topic.unreadable = 1
    for look in (PlanLog(Settings()).get("r1"), PlanLog(Settings()).find("r1")):
        with pytest.raises(FatalError, match="every record"):
            await look
    assert [*await PlanLog(Settings()).replays()] == ["r1"], "a list shows what can be read"


async def test_a_replay_that_was_never_planned_has_no_record(topic: FakeTopic) -> None:
    topic.add(plan_of())
    assert await PlanLog(Settings()).get("r2") is None


async def test_an_unknown_id_is_refused_with_the_last_ones(topic: FakeTopic) -> None:
    for number in range(7):
        topic.add(plan_of(id=f"r{number}", created_at=NOW + timedelta(hours=number)))
    assert (await PlanLog(Settings()).find("r0")).plan.id == "r0"
    with pytest.raises(InputError, match=r"no 'r9'.*r2, r3, r4, r5, r6\. "):
        await PlanLog(Settings()).find("r9")


async def test_the_latest_record_of_the_replay_and_later_ones_are_followed(
    topic: FakeTopic,
) -> None:
    topic.add(plan_of())
    topic.later = [stored(plan_of(id="other"), "cancelled"), stored(plan_of(), "cancelled")]
    followed = PlanLog(Settings()).follow("r1")
    found = [(record.plan.id, record.state) async for record in followed]
    assert found == [("r1", "planned"), ("r1", "cancelled")]


async def test_a_cancellation_before_it_is_followed_is_not_missed(topic: FakeTopic) -> None:
    """A replay that was cancelled while it loaded its model ran to its end."""
    topic.add(plan_of())
    topic.add(plan_of(), "cancelled")
    followed = PlanLog(Settings()).follow("r1")
    assert [record.state async for record in followed] == ["cancelled"]


async def test_a_damaged_record_does_not_end_the_watch_for_a_cancellation(
    topic: FakeTopic,
) -> None:
    topic.later = [Stored(b"r1", b"{"), stored(plan_of(id="other")), stored(plan_of())]
    assert [record.plan.id async for record in PlanLog(Settings()).follow("r1")] == ["r1"]


def test_an_id_with_control_characters_is_no_plan() -> None:
    with pytest.raises(ValueError, match="pattern"):
        plan_of(id="a\x1b[2J")
