"""The journal of a transaction: its batches and their rows, kept until it is committed.

A transaction that fails is written again from it, by a new producer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stream.consume.partition_progress import Batch
from stream.kafka.producer import Output

__all__ = ["Journal", "JournalEntry"]


@dataclass(slots=True)
class JournalEntry:
    """The rows of one call, kept while they may have to be written again.

    Attributes
    ----------
    topic, rows
        Where they are written to, and key, value and headers of each.
    refused
        Indices of the rows that the broker refused as too large.
    is_written
        Whether the open transaction has them.
    is_over
        Whether the caller already knows that they are delivered.
    """

    topic: str
    rows: Sequence[Output]
    refused: set[int] = field(default_factory=set)
    is_written: bool = False
    is_over: bool = False

    @property
    def kept(self) -> list[int]:
        """Indices of the rows that were not refused."""
        return [at for at in range(len(self.rows)) if at not in self.refused]


class Journal:
    """The batches that a transaction has admitted, and the rows sent for them.

    Parameters
    ----------
    most_rows, most_bytes
        Rows, and bytes of the records of batches, with which a transaction is full.
    """

    def __init__(self, most_rows: int, most_bytes: int) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._entries: list[JournalEntry] = []
        self._batches: list[Batch] = []

    @property
    def is_full(self) -> bool:
        """Whether further batches wait for the next transaction."""
        return (
            sum(len(entry.rows) for entry in self._entries) >= self._most_rows
            or sum(batch.size for batch in self._batches) >= self._most_bytes
        )

    @property
    def is_complete(self) -> bool:
        """Whether all admitted batches are done."""
        return all(batch.is_done for batch in self._batches)

    def admit(self, batch: Batch) -> None:
        """Add a batch, whose outputs belong to this transaction."""
        self._batches.append(batch)

    def add(self, entry: JournalEntry) -> None:
        """Add the rows of a call, after those of earlier calls."""
        self._entries.append(entry)

    def unwritten(self) -> Iterator[JournalEntry]:
        """Yield the rows that the open transaction lacks, in order."""
        return (entry for entry in self._entries if not entry.is_written)

    def mark_unwritten(self) -> None:
        """Note that the transaction was aborted: all rows must be written again."""
        for entry in self._entries:
            entry.is_written = False

    def clear(self) -> None:
        """Forget everything: the transaction is committed."""
        self._entries.clear()
        self._batches.clear()
