"""Which letters are sent, and the reason why one is left: the first that holds."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import ErrorCode
from stream.dead_letters.account import LeftReason
from stream.dead_letters.choice import Choice
from stream.dead_letters.ledger import Ledger, Plan, Progress
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.selection import Selection
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from testing.dead_letters import dead_letter

RESTORED = RawRecord(0, 0, 1000, None, b"x", ())


class FakeSources:
    """Restores every letter, or none."""

    def __init__(self, found: RawRecord | LeftReason) -> None:
        self.found = found
        self.restored: list[DeadLetter] = []

    async def restore(self, letter: DeadLetter) -> RawRecord | LeftReason:
        self.restored.append(letter)
        return self.found


def choice(
    ledger: Ledger | None = None, found: RawRecord | LeftReason = RESTORED, **plan: Any
) -> tuple[Choice, FakeSources]:
    options = {"selection": Selection(), "max_attempts": 3} | plan
    made = Plan(redrive="r1", at_ms=0, topic="dlq", spans={}, **options)
    sources: Any = FakeSources(found)
    return Choice(made, ledger or Ledger("dlq"), sources), sources


def record(offset: int = 5, attempts: int = 0) -> RawRecord:
    headers = [("leadscore.attempt", b"%d" % attempts)] if attempts else []
    made = dead_letter(b"x", code=ErrorCode.TYPE, headers=headers)
    return RawRecord(0, offset, 1000, made.key, made.value, made.headers)


def having_sent(*offsets: int) -> Ledger:
    ledger = Ledger("dlq")
    for offset in offsets:
        sent = (offset, offset)
        step = {"start": offset, "end": offset + 1, "read": 1, "newest_ms": 1000}
        ledger.add(Progress(redrive="r0", topic="dlq", partition=0, sent=(sent,), **step))
    return ledger


async def test_a_selected_letter_is_the_record_that_its_source_was() -> None:
    made, sources = choice()
    assert await made.of(record()) == RESTORED
    assert [one.code for one in sources.restored] == ["TYPE"]


async def test_a_record_of_another_program_is_left() -> None:
    made, _ = choice()
    assert await made.of(RawRecord(0, 0, 0, None, b"x", ())) is LeftReason.FOREIGN


async def test_a_letter_that_cannot_be_read_is_left_also_where_its_headers_can() -> None:
    """Its value is unknown: without it, a tombstone would be sent."""
    made, sources = choice()
    found = record()
    broken = UnreadableRecord(
        *(0, 5, 1000, found.key, None, found.headers),
        problem=Problem.TOO_LARGE,
        detail="the value has 9 bytes, more than 8",
    )
    assert await made.of(broken) is LeftReason.UNREADABLE
    assert sources.restored == []


async def test_a_letter_that_the_selection_excludes_is_left() -> None:
    made, sources = choice(selection=Selection(codes=frozenset({"DECODE"})))
    assert await made.of(record()) is LeftReason.NOT_SELECTED
    assert sources.restored == [], "its source need not be read"


async def test_a_letter_that_was_sent_is_left_unless_it_is_asked_for_again() -> None:
    made, _ = choice(having_sent(5))
    assert await made.of(record(5)) is LeftReason.ALREADY_SENT
    assert await made.of(record(6)) == RESTORED
    again, _ = choice(having_sent(5), is_again=True)
    assert await again.of(record(5)) == RESTORED


@pytest.mark.parametrize(("attempts", "is_left"), [(1, False), (2, True), (7, True)])
async def test_a_letter_whose_record_has_used_up_its_attempts_is_left(
    attempts: int, is_left: bool
) -> None:
    """The letter of a record with one attempt has the second: it was processed once more."""
    made, _ = choice()
    assert (await made.of(record(attempts=attempts)) is LeftReason.ATTEMPTS) is is_left


async def test_a_letter_whose_record_is_gone_is_left() -> None:
    made, _ = choice(found=LeftReason.SOURCE_GONE)
    assert await made.of(record()) is LeftReason.SOURCE_GONE


async def test_the_first_reason_counts() -> None:
    """So the counts of an account add up to what was read."""
    made, _ = choice(having_sent(5), selection=Selection(codes=frozenset({"DECODE"})))
    assert await made.of(record(5, attempts=9)) is LeftReason.NOT_SELECTED
