"""A re-drive with fakes: each letter once, whatever fails, and by its plan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
)
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalError, InputError
from stream.dead_letters import redrive as module
from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.ledger import Ledger, Plan, entry_of
from stream.dead_letters.redrive import Redrive, Topics
from stream.dead_letters.selection import Selection
from stream.dead_letters.source_records import SourceRecords
from stream.dead_letters.source_retention import SourceRetention
from stream.deliver.transactional_producer import TransactionalId
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.topic_limits import TopicLimits
from testing.dead_letters import dead_letter
from testing.fake_kafka import FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.deliver.fake_transactions import FakeCoordinator

SOURCE, LEDGER, DEAD = "leads.created", "leads.redrives", "leads.created.dlq"
PARTITIONS = 2
ENDLESS = SourceRetention(SOURCE, None, 0)


class FakeLetters:
    """Two partitions of dead letters."""

    def __init__(self, counts: Sequence[int] = (5, 3)) -> None:
        self.logs = [
            [self.letter(number, offset) for offset in range(count)]
            for number, count in enumerate(counts)
        ]
        self.starts = [0] * len(counts)

    @staticmethod
    def letter(partition: int, offset: int, **given: Any) -> RawRecord:
        value = b"%d/%d" % (partition, offset)
        made = dead_letter(value, partition=partition, offset=offset, **given)
        return RawRecord(partition, offset, 1000 + offset, made.key, value, made.headers)

    async def bounds(self, partition: int) -> Span:
        return Span(self.starts[partition], len(self.logs[partition]))

    async def read(self, partition: int, span: Span) -> AsyncGenerator[Sequence[RawRecord], None]:
        for record in self.logs[partition][span.start : span.end]:
            await asyncio.sleep(0)
            yield [record]

    @property
    def spans(self) -> dict[int, tuple[int, int]]:
        return {number: (0, len(log)) for number, log in enumerate(self.logs)}


@dataclass
class Desk:
    """A broker, its dead letters, and re-drives of them."""

    letters: FakeLetters = field(default_factory=FakeLetters)
    coordinator: FakeCoordinator = field(
        default_factory=lambda: FakeCoordinator(
            FakeKafka(PARTITIONS), [SOURCE, LEDGER], limit=10_000
        )
    )
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    retention: SourceRetention = ENDLESS
    on_progress: Callable[[Account], None] = lambda account: None

    def plan(self, redrive: str = "r1", **given: Any) -> Plan:
        options = {"selection": Selection(), "max_attempts": 10, "spans": self.letters.spans}
        return Plan(redrive=redrive, at_ms=0, topic=DEAD, **options | given)

    def run(self) -> Redrive:
        limits = TopicLimits(
            [SOURCE, LEDGER], self.coordinator.read_limits, fallback=5000, batch_bytes=5000
        )
        expected = [TopicPartition(SOURCE, number) for number in range(PARTITIONS)]
        return Redrive(
            Topics(SOURCE, LEDGER),
            letters=self.letters,
            sources=SourceRecords(
                SOURCE, PARTITIONS, FakeRawReader(self.coordinator.kafka), limits
            ),
            read_ledger=self.ledger,
            transactions=TransactionalId("t", self.coordinator.connect, limits, expected, 1.0),
            limits=limits,
            retention=self.retention,
            retry_limit=60.0,
            stop=self.stop,
            on_progress=self.on_progress,
        )

    async def ledger(self) -> Ledger:
        ledger = Ledger(DEAD)
        for offset, value in enumerate(self.coordinator.seen[TopicPartition(LEDGER, 0)]):
            ledger.add(entry_of(value, LEDGER, offset))
        return ledger

    @property
    def sent(self) -> list[bytes]:
        """Values that a reader of committed records sees in the source topic."""
        seen = self.coordinator.seen
        return [v for number in range(PARTITIONS) for v in seen[TopicPartition(SOURCE, number)]]

    @property
    def everything(self) -> list[bytes]:
        return [record.value or b"" for log in self.letters.logs for record in log]


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP_LETTERS", 2)


@in_jumping_time
async def test_every_letter_arrives_once_in_order_and_the_account_balances() -> None:
    desk = Desk()
    account = await desk.run().start(desk.plan())
    assert desk.sent == desk.everything
    assert (account.read, account.sent, account.is_balanced) == (8, 8, True)
    assert (await desk.ledger()).ended == {"r1"}


@in_jumping_time
async def test_letters_that_their_topic_does_not_keep_any_more_are_counted() -> None:
    letters = FakeLetters((0, 0))
    letters.logs[0] = [letters.letter(0, at, timestamp=at * 1000 + 1) for at in range(5)]
    desk = Desk(letters, retention=SourceRetention(SOURCE, 1000, 4000))
    account = await desk.run().start(desk.plan())
    assert (account.sent, account.outlived) == (5, 3)


@in_jumping_time
async def test_a_letter_that_was_sent_is_not_sent_by_another_redrive_unless_asked_for() -> None:
    desk = Desk()
    await desk.run().start(desk.plan(limit=3))
    assert desk.sent == desk.everything[:3]
    account = await desk.run().start(desk.plan("r2"))
    assert desk.sent == desk.everything
    assert account.left == {LeftReason.ALREADY_SENT: 3}
    again = await desk.run().start(desk.plan("r3", is_again=True))
    assert again.sent == 8


@in_jumping_time
async def test_letters_with_the_most_attempts_stay() -> None:
    desk = Desk()
    poison = [("leadscore.attempt", b"2")]
    desk.letters.logs[1][1] = desk.letters.letter(1, 1, headers=poison)
    account = await desk.run().start(desk.plan(max_attempts=3))
    assert (account.sent, account.left) == (7, {LeftReason.ATTEMPTS: 1})
    assert account.is_balanced


@in_jumping_time
async def test_a_letter_that_cannot_be_read_is_in_the_account() -> None:
    """It was skipped: the account balanced, and nobody learned of it."""
    desk = Desk()
    damaged = UnreadableRecord(
        0, 2, 1002, None, None, (), problem=Problem.CHECKSUM, detail="its checksum is wrong"
    )
    desk.letters.logs[0][2] = damaged
    account = await desk.run().start(desk.plan())
    assert (account.read, account.sent) == (8, 7)
    assert account.left == {LeftReason.UNREADABLE: 1}
    assert account.is_balanced
    assert (await desk.ledger()).account(desk.plan()).left == account.left


@in_jumping_time
async def test_a_topic_that_was_created_again_has_letters_that_were_never_sent() -> None:
    desk = Desk()
    await desk.run().start(desk.plan())
    for log in desk.letters.logs:
        for record in log:
            record.timestamp += 1_000_000
    account = await desk.run().start(desk.plan("r2"))
    assert account.sent == 8


@in_jumping_time
async def test_letters_that_expire_before_they_are_read_are_reported() -> None:
    desk = Desk()
    plan = desk.plan()
    desk.letters.starts[0] = 2
    account = await desk.run().start(plan)
    assert (account.sent, account.expired, account.is_balanced) == (6, 2, False)


@in_jumping_time
async def test_letters_written_after_the_plan_are_not_sent() -> None:
    desk = Desk()
    plan = desk.plan()
    desk.letters.logs[0].append(desk.letters.letter(0, 5))
    assert (await desk.run().start(plan)).sent == 8


@in_jumping_time
async def test_a_topic_that_is_shorter_than_planned_is_an_error() -> None:
    desk = Desk()
    plan = desk.plan()
    desk.letters.logs[1] = desk.letters.logs[1][:1]
    with pytest.raises(FatalError, match="deleted or truncated"):
        await desk.run().start(plan)


@in_jumping_time
async def test_an_unknown_redrive_cannot_be_resumed_and_those_that_can_are_named() -> None:
    with pytest.raises(InputError, match=r"none 'r9' \(all have ended\)"):
        await Desk().run().resume("r9")
    desk = Desk()
    desk.stop.set()
    await desk.run().start(desk.plan("r1"))
    with pytest.raises(InputError, match=r"none 'r9' \(those that did not end: r1\)"):
        await desk.run().resume("r9")


@in_jumping_time
async def test_a_stopped_redrive_continues_by_its_plan() -> None:
    desk = Desk()
    desk.on_progress = lambda account: desk.stop.set()
    account = await desk.run().start(desk.plan())
    assert (account.is_complete, len(desk.sent)) == (False, 2)
    desk.letters.logs[1].append(desk.letters.letter(1, 3))  # not in the plan
    desk.on_progress = lambda account: None
    desk.stop.clear()
    account = await desk.run().resume("r1")
    assert (account.read, account.sent, account.is_balanced) == (8, 8, True)


@in_jumping_time
async def test_a_second_redrive_fences_the_first() -> None:
    desk = Desk()

    def fence(_: Account) -> None:
        desk.coordinator.fence("t")

    desk.on_progress = fence
    with pytest.raises(FatalError, match="another one was started"):
        await desk.run().start(desk.plan())
    desk.on_progress = lambda account: None
    await desk.run().start(desk.plan("r2"))
    assert desk.sent == desk.everything


@in_jumping_time
async def test_a_right_that_is_missing_is_final() -> None:
    desk = Desk()
    desk.coordinator.script["send"].append(TopicAuthorizationFailedError(SOURCE))
    with pytest.raises(FatalError, match="may write"):
        await desk.run().start(desk.plan())


@in_jumping_time
async def test_a_record_that_is_refused_for_its_size_stays() -> None:
    """The topic's limit was lowered after it was read: only the broker's refusal tells."""
    desk = Desk()
    desk.coordinator.limit = 800  # an entry of the ledger takes some hundreds
    large = desk.letters.letter(0, 1)
    large.value = b"L" * 900
    desk.letters.logs[0][1] = large
    account = await desk.run().start(desk.plan())
    assert account.left == {LeftReason.TOO_LARGE: 1}
    assert len(desk.sent) == 7


FAILURES = st.lists(
    st.tuples(
        st.sampled_from(["start", "send", "commit", "lost"]),
        st.sampled_from([KafkaConnectionError, OutOfOrderSequenceNumber]),
        st.integers(0, 4),
    ),
    max_size=6,
)


@given(failures=FAILURES, kills=st.lists(st.integers(1, 60), max_size=4))
def test_each_letter_arrives_once_whatever_fails_and_whenever_it_is_killed(
    failures: list[tuple[str, type[Exception], int]], kills: list[int]
) -> None:
    @in_jumping_time
    async def run() -> None:
        desk = Desk()
        for call, error, after in failures:
            queue = (
                desk.coordinator.lost_answers["commit"]
                if call == "lost"
                else desk.coordinator.script[call]
            )
            if call != "lost":
                queue.extend([lambda: None] * after)  # type: ignore[list-item]
            queue.append(error())
        plan = desk.plan()
        for steps in kills:
            task = asyncio.ensure_future(_started_or_resumed(desk, plan))
            for _ in range(steps):
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        account = await _started_or_resumed(desk, plan)
        assert sorted(desk.sent) == sorted(desk.everything)
        assert (account.read, account.sent) == (8, 8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STEP_LETTERS", 2)
        run()


async def _started_or_resumed(desk: Desk, plan: Plan) -> Account:
    is_known = plan.redrive in (await desk.ledger()).plans
    return await (desk.run().resume(plan.redrive) if is_known else desk.run().start(plan))
