"""Counts of dead letters: by error code and source partition, with their age and rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agents.records import SourceRecord
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.source_retention import SourceRetention
from stream.fetch.raw_records import UnreadableRecord

__all__ = ["CodeStatistics", "DeadLetterStatistics"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(slots=True)
class CodeStatistics:
    """Counts of one error code.

    Attributes
    ----------
    letters
        How many there are.
    oldest, newest
        Time of the first and the last, milliseconds since 1970.
    last_hour, last_day
        How many were written in the last hour, and in the last 24 hours.
    partitions
        How many there are by source partition.
    attempts
        How many there are by number of attempts.
    left_out
        How many lack the value, which only the source record has.
    out_of_reach
        How many of these have a source record that is older than its topic's retention.
    """

    letters: int = 0
    oldest: int | None = None
    newest: int | None = None
    last_hour: int = 0
    last_day: int = 0
    partitions: Counter[int] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    left_out: int = 0
    out_of_reach: int = 0

    def add(self, letter: DeadLetter, retention: SourceRetention) -> None:
        """Count a letter."""
        at, now_ms = letter.timestamp, retention.now_ms
        self.letters += 1
        self.oldest = at if self.oldest is None else min(self.oldest, at)
        self.newest = at if self.newest is None else max(self.newest, at)
        self.last_hour += now_ms - at < HOUR_MS
        self.last_day += now_ms - at < DAY_MS
        self.partitions[letter.source.partition] += 1
        self.attempts[letter.attempt] += 1
        self.left_out += letter.is_left_out
        self.out_of_reach += retention.is_out_of_reach(letter)


@dataclass(slots=True)
class DeadLetterStatistics:
    """Counts of all letters of a selection.

    Attributes
    ----------
    retention
        Retention of the source topic, and the time of the counts.
    codes
        By error code.
    foreign
        Records that no worker of LeadScore wrote.
    unreadable
        Records that can't be read.
    """

    retention: SourceRetention
    codes: dict[str, CodeStatistics] = field(default_factory=dict)
    foreign: int = 0
    unreadable: int = 0

    def add(self, letter: DeadLetter) -> None:
        """Count a letter."""
        self.codes.setdefault(letter.code, CodeStatistics()).add(letter, self.retention)

    def add_other(self, record: SourceRecord) -> None:
        """Count a record that can't be read, or that no worker of LeadScore wrote."""
        if isinstance(record, UnreadableRecord):
            self.unreadable += 1
        else:
            self.foreign += 1

    @property
    def letters(self) -> int:
        """How many letters there are."""
        return sum(code.letters for code in self.codes.values())

    @property
    def out_of_reach(self) -> int:
        """How many letters lack a value that can't be fetched any more."""
        return sum(code.out_of_reach for code in self.codes.values())
