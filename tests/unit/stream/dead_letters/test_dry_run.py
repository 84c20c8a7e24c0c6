"""The account that a re-drive would have."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from stream.dead_letters.account import LeftReason
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.dry_run import dry_run
from stream.dead_letters.ledger import Plan
from stream.dead_letters.selection import Selection
from stream.dead_letters.source_retention import SourceRetention
from stream.fetch.raw_records import RawRecord

SPANS = {0: (3, 7), 2: (0, 2)}
RETENTION = SourceRetention("leads.created", 1000, 2000)


class FakeLog:
    """Letters at every offset."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []
        self.is_closed = False

    async def read_all(self, spans: Mapping[int, Span]) -> AsyncGenerator[RawRecord, None]:
        try:
            for partition, span in spans.items():
                for offset in range(span.start, span.end):
                    self.read.append((partition, offset))
                    yield RawRecord(partition, offset, 0, None, b"x", ())
        finally:
            self.is_closed = True


class EveryOther:
    """Sends the letters at even offsets."""

    async def of(self, record: RawRecord) -> RawRecord | LeftReason:
        return LeftReason.ATTEMPTS if record.offset % 2 else record


def plan(limit: int | None = None) -> Plan:
    options = {"at_ms": 0, "topic": "dlq", "max_attempts": 3, "spans": SPANS}
    return Plan(redrive="r1", selection=Selection(), limit=limit, **options)


async def test_it_counts_the_letters_of_the_plans_spans_and_nothing_else() -> None:
    log: Any = FakeLog()
    choice: Any = EveryOther()
    account = await dry_run(plan(), log, choice, RETENTION)
    assert log.read == [(0, 3), (0, 4), (0, 5), (0, 6), (2, 0), (2, 1)]
    assert (account.read, account.sent) == (6, 3)
    assert account.outlived == 3, "their time stamps are of 1970"
    assert account.left == {LeftReason.ATTEMPTS: 3}
    assert account.is_balanced


async def test_it_ends_where_the_redrive_would_have_sent_its_limit() -> None:
    log: Any = FakeLog()
    choice: Any = EveryOther()
    account = await dry_run(plan(limit=2), log, choice, RETENTION)
    assert (account.read, account.sent, account.is_balanced) == (4, 2, True)
    assert log.is_closed, "nothing more is read"
