"""Decides which letters a re-drive sends, and why it leaves the others."""

from __future__ import annotations

from agents.records import SourceRecord as Record
from stream.dead_letters.account import LeftReason
from stream.dead_letters.ledger import Ledger, Plan
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.source_records import SourceRecords
from stream.fetch.raw_records import RawRecord, UnreadableRecord

__all__ = ["Choice"]


class Choice:
    """The letters of one re-drive.

    Parameters
    ----------
    plan
        Selection and options of the re-drive.
    ledger
        Letters that were sent before.
    sources
        Restores the records.
    """

    def __init__(self, plan: Plan, ledger: Ledger, sources: SourceRecords) -> None:
        self._plan = plan
        self._ledger = ledger
        self._sources = sources

    async def of(self, record: Record) -> RawRecord | LeftReason:
        """Return the record to send for a record of the dead-letter topic, or why there is none.

        Raises
        ------
        KafkaError
            The source topic can't be read.
        """
        if isinstance(record, UnreadableRecord):
            return LeftReason.UNREADABLE
        letter = DeadLetter.from_record(record)
        if letter is None:
            return LeftReason.FOREIGN
        if not self._plan.selection.matches(letter):
            return LeftReason.NOT_SELECTED
        if not self._plan.is_again and self._ledger.has_sent(letter):
            return LeftReason.ALREADY_SENT
        if letter.attempt >= self._plan.max_attempts:
            return LeftReason.ATTEMPTS
        return await self._sources.restore(letter)
