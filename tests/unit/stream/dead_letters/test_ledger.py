"""The ledger: offsets that were sent, and where a re-drive continues."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalError
from stream.dead_letters import ledger as module
from stream.dead_letters.account import LeftReason
from stream.dead_letters.ledger import (
    Ended,
    Ledger,
    Plan,
    Progress,
    entry_of,
    ranges_of,
    read_ledger,
)
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.selection import Selection
from stream.fetch.raw_records import RawRecord
from stream.kafka.lenient_polls import Take, UnreadableRecordError, all_readable
from stream.settings import Settings
from testing.dead_letters import dead_letter

DEAD = "leads.created.dlq"
PLAN = Plan(
    redrive="r1",
    at_ms=0,
    topic=DEAD,
    selection=Selection(codes=frozenset({"TYPE"})),
    max_attempts=10,
    spans={0: (2, 9), 1: (0, 5)},
)


def progress(*offsets: int, partition: int = 0, end: int = 9, newest_ms: int = 500) -> Progress:
    return Progress(
        redrive="r1",
        topic=DEAD,
        partition=partition,
        start=2,
        end=end,
        read=7,
        sent=ranges_of(offsets),
        left={LeftReason.ATTEMPTS: 1},
        newest_ms=newest_ms,
    )


def letter(offset: int, timestamp: int = 0, partition: int = 0) -> DeadLetter:
    headers = dead_letter(b"x").headers
    found = DeadLetter.from_record(RawRecord(partition, offset, timestamp, None, b"x", headers))
    assert found is not None
    return found


@given(st.lists(st.sets(st.integers(0, 60)), max_size=5), st.integers(0, 60))
def test_a_letter_was_sent_if_any_entry_says_so(sent: list[set[int]], offset: int) -> None:
    ledger = Ledger(DEAD)
    for offsets in sent:
        ledger.add(progress(*sorted(offsets)))
    assert ledger.has_sent(letter(offset)) is any(offset in offsets for offsets in sent)
    assert not ledger.has_sent(letter(offset, partition=1))


@given(st.sets(st.integers(0, 100)))
def test_ranges_hold_the_offsets_and_no_other(offsets: set[int]) -> None:
    ranges = ranges_of(sorted(offsets))
    assert {o for first, last in ranges for o in range(first, last + 1)} == offsets
    assert all(first > last + 1 for (_, last), (first, _) in pairwise(ranges))


def test_a_letter_that_is_newer_than_what_was_sent_is_one_of_a_topic_created_again() -> None:
    ledger = Ledger(DEAD)
    ledger.add(progress(3, newest_ms=500))
    assert ledger.has_sent(letter(3, timestamp=500))
    assert not ledger.has_sent(letter(3, timestamp=501))


def test_a_redrive_continues_after_its_last_step_with_its_account() -> None:
    ledger = Ledger(DEAD)
    for entry in (PLAN, progress(2, 3, end=5), progress(7, end=9)):
        ledger.add(entry_of(entry.model_dump_json().encode(), "leads.redrives", 0))
    assert ledger.plans == {"r1": PLAN}
    assert (ledger.position(PLAN, 0), ledger.position(PLAN, 1)) == (9, 0)
    account = ledger.account(PLAN)
    assert (account.read, account.sent, account.left) == (14, 3, {LeftReason.ATTEMPTS: 2})
    ledger.add(Ended(redrive="r1", at_ms=0, read=14, sent=3, left={}, expired=0))
    assert ledger.ended == {"r1"}


def test_redrives_that_did_not_end_are_known_in_the_order_of_their_plans() -> None:
    ledger = Ledger(DEAD)
    for number in (2, 1, 3):
        ledger.add(PLAN.model_copy(update={"redrive": f"r{number}", "at_ms": number}))
    ledger.add(Ended(redrive="r3", at_ms=9, read=0, sent=0, left={}, expired=0))
    assert ledger.unended() == ["r1", "r2"]


def test_entries_of_another_dead_letter_topic_do_not_count() -> None:
    ledger = Ledger("another.dlq")
    ledger.add(PLAN)
    ledger.add(progress(3))
    assert ledger.plans == {}
    assert not ledger.has_sent(letter(3))


@pytest.mark.parametrize("value", [b"", b"{}", b'{"kind": "plan", "redrive": "r", "version": 2}'])
def test_an_entry_of_a_later_version_is_an_error(value: bytes) -> None:
    with pytest.raises(FatalError, match=r"in leads\.redrives at offset 7"):
        entry_of(value, "leads.redrives", 7)


class FakeLog:
    """The ledger's topic; the record at one offset can't be read."""

    def __init__(self, unreadable: int | None) -> None:
        self.unreadable = unreadable
        self.entries = (PLAN, progress(2, 3, end=5), progress(7, end=9))

    async def end_offset(self, at: TopicPartition) -> int:
        return len(self.entries)

    async def read(
        self, at: TopicPartition, start: int, stop: int, *, take: Take
    ) -> AsyncGenerator[list[RawRecord], None]:
        for offset, entry in enumerate(self.entries[start:stop]):
            if offset != self.unreadable:
                yield [RawRecord(0, offset, 0, None, entry.model_dump_json().encode(), ())]
            elif take is all_readable:
                raise UnreadableRecordError("expected to read every record of leads.redrives")


@pytest.mark.parametrize("offset", range(3))
async def test_an_entry_that_cannot_be_read_ends_a_redrive_before_its_first_letter(
    monkeypatch: pytest.MonkeyPatch, offset: int
) -> None:
    """It was skipped, and the letters that it counts as sent were sent again."""
    monkeypatch.setattr(module, "LogReader", lambda *_: FakeLog(None))
    assert (await read_ledger(Settings())).has_sent(letter(3))
    monkeypatch.setattr(module, "LogReader", lambda *_: FakeLog(offset))
    with pytest.raises(FatalError, match=r"every record of leads\.redrives"):
        await read_ledger(Settings())
