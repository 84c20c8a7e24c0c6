"""The ledger of re-drives: a topic with each plan, each step of its progress, and its end.

The step is in the transaction of the letters that it counts, so a letter is in the source topic if
and only if the ledger says so. A group's commits could not do this: they hold one offset for each
partition, and Kafka deletes them a week after the last one, long before the letters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Annotated, Literal

from aiokafka import TopicPartition
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.errors import FatalError
from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.selection import Selection
from stream.kafka.lenient_polls import all_readable
from stream.kafka.log_reader import LogReader, in_time
from stream.settings import Settings

__all__ = ["Ended", "Ledger", "Plan", "Progress", "entry_of", "ranges_of", "read_ledger"]

Range = tuple[int, int]
"""First and last offset."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    redrive: str
    """Id of the re-drive."""
    version: Literal[1] = 1
    """Version of this format."""


class Plan(_Entry):
    """A plan of a re-drive, written before its first letter."""

    kind: Literal["plan"] = "plan"
    at_ms: int
    """Milliseconds since 1970."""
    topic: str
    """The dead-letter topic."""
    selection: Selection
    limit: int | None = None
    """Most letters to send."""
    max_attempts: int
    """Letters with this many attempts stay."""
    is_again: bool = False
    """Whether letters that were sent before are sent, too."""
    spans: dict[int, tuple[int, int]]
    """By partition: first offset, and the end that was fixed."""


class Progress(_Entry):
    """A step of a re-drive: letters of a partition, sent in the same transaction."""

    kind: Literal["progress"] = "progress"
    topic: str
    partition: int
    start: int
    end: int
    """Offsets of the step: start <= offset < end."""
    read: int
    sent: tuple[Range, ...] = ()
    left: dict[LeftReason, int] = Field(default_factory=dict)
    expired: int = 0
    newest_ms: int = 0
    """Latest time stamp of a letter that was sent. An offset with a later one belongs to a topic
    that was deleted and created again."""


class Ended(_Entry):
    """The account of a re-drive that has ended."""

    kind: Literal["end"] = "end"
    at_ms: int
    read: int
    sent: int
    left: dict[LeftReason, int]
    expired: int


Entry = Annotated[Plan | Progress | Ended, Field(discriminator="kind")]
ENTRY: TypeAdapter[Plan | Progress | Ended] = TypeAdapter(Entry)


class _SentOffsets:
    """Offsets of a partition that were sent."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int, int]] = []
        self._longest = 0
        self._is_sorted = True

    def add(self, ranges: Iterable[Range], newest_ms: int) -> None:
        """Add ranges whose letters are no newer than a time."""
        for first, last in ranges:
            self._ranges.append((first, last, newest_ms))
            self._longest = max(self._longest, last - first)
            self._is_sorted = False

    def has(self, offset: int, timestamp: int) -> bool:
        """Return whether the letter at an offset was sent."""
        if not self._is_sorted:
            self._ranges.sort()
            self._is_sorted = True
        position = bisect_right(self._ranges, offset, key=lambda known: known[0])
        while position:
            position -= 1
            first, last, newest_ms = self._ranges[position]
            if first < offset - self._longest:
                return False
            if offset <= last and timestamp <= newest_ms:
                return True
        return False


class Ledger:
    """Plans, progress and accounts of all re-drives of a dead-letter topic.

    Parameters
    ----------
    topic
        The dead-letter topic; entries of others are ignored.

    Attributes
    ----------
    plans
        By id of the re-drive.
    ended
        Ids of the re-drives that have ended.
    """

    def __init__(self, topic: str) -> None:
        self.plans: dict[str, Plan] = {}
        self.ended: set[str] = set()
        self._topic = topic
        self._positions: dict[tuple[str, int], int] = {}
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        self._sent: defaultdict[int, _SentOffsets] = defaultdict(_SentOffsets)

    def add(self, entry: Plan | Progress | Ended) -> None:
        """Add an entry, in the order of the topic."""
        match entry:
            case Plan() if entry.topic == self._topic:
                self.plans[entry.redrive] = entry
            case Progress() if entry.topic == self._topic:
                self._positions[entry.redrive, entry.partition] = entry.end
                account = self._accounts[entry.redrive]
                account.read += entry.read
                account.sent += sum(last - first + 1 for first, last in entry.sent)
                account.left.update(entry.left)
                account.expired += entry.expired
                self._sent[entry.partition].add(entry.sent, entry.newest_ms)
            case Ended():
                self.ended.add(entry.redrive)

    def unended(self) -> list[str]:
        """Return the ids of the re-drives that were stopped or killed, the latest last."""
        left = (plan for plan in self.plans.values() if plan.redrive not in self.ended)
        return [plan.redrive for plan in sorted(left, key=lambda plan: plan.at_ms)]

    def position(self, plan: Plan, partition: int) -> int:
        """Return the offset at which a re-drive continues."""
        return self._positions.get((plan.redrive, partition), plan.spans[partition][0])

    def account(self, plan: Plan) -> Account:
        """Return the account of a re-drive until now; later entries change it."""
        return self._accounts[plan.redrive]

    def has_sent(self, letter: DeadLetter) -> bool:
        """Return whether any re-drive has sent a letter."""
        partition, offset = letter.place
        return partition in self._sent and self._sent[partition].has(offset, letter.timestamp)


async def read_ledger(settings: Settings) -> Ledger:
    """Read all committed entries.

    Raises
    ------
    FatalError
        An entry can't be read, or is of a later version of LeadScore. Without it, letters that were
        sent would be sent again.
    KafkaError, TimeoutError
        The topic can't be read.
    """
    reader = LogReader(settings.kafka_client_options(), "read_committed")
    at = TopicPartition(settings.leads_redrives, 0)
    ledger = Ledger(settings.leads_created_dlq)
    entries = reader.read(at, 0, await reader.end_offset(at), take=all_readable)
    async with aclosing(in_time(entries)) as steps:
        async for records in steps:
            for record in records:
                ledger.add(entry_of(record.value or b"", settings.leads_redrives, record.offset))
    return ledger


def entry_of(value: bytes, topic: str, offset: int) -> Plan | Progress | Ended:
    """Read an entry.

    Raises
    ------
    FatalError
        It is none, or one of a later version.
    """
    try:
        return ENTRY.validate_json(value)
    except ValidationError as error:
        raise FatalError(
            f"expected an entry of a re-drive in {topic} at offset {offset}, but"
            f" {error.errors()[0]['msg']}: use the version of LeadScore that wrote it"
        ) from None


def ranges_of(offsets: Sequence[int]) -> tuple[Range, ...]:
    """Return ascending offsets as ranges of consecutive ones.

    Examples
    --------
    >>> ranges_of([3, 4, 5, 9])
    ((3, 5), (9, 9))
    """
    ranges: list[Range] = []
    for offset in offsets:
        if ranges and ranges[-1][1] == offset - 1:
            ranges[-1] = (ranges[-1][0], offset)
        else:
            ranges.append((offset, offset))
    return tuple(ranges)
