"""Counts of dead letters: by error code and source partition, with their age and rate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from stream.dead_letters.letter import DeadLetter

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
    """

    letters: int = 0
    oldest: int | None = None
    newest: int | None = None
    last_hour: int = 0
    last_day: int = 0
    partitions: Counter[int] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)

    def add(self, letter: DeadLetter, now_ms: int) -> None:
        """Count a letter."""
        at = letter.timestamp
        self.letters += 1
        self.oldest = at if self.oldest is None else min(self.oldest, at)
        self.newest = at if self.newest is None else max(self.newest, at)
        self.last_hour += now_ms - at < HOUR_MS
        self.last_day += now_ms - at < DAY_MS
        self.partitions[letter.source.partition] += 1
        self.attempts[letter.attempt] += 1


@dataclass(slots=True)
class DeadLetterStatistics:
    """Counts of all letters of a selection.

    Attributes
    ----------
    codes
        By error code.
    foreign
        Records that no worker of LeadScore wrote.
    """

    now_ms: int
    codes: dict[str, CodeStatistics] = field(default_factory=dict)
    foreign: int = 0

    def add(self, letter: DeadLetter) -> None:
        """Count a letter."""
        self.codes.setdefault(letter.code, CodeStatistics()).add(letter, self.now_ms)

    def add_foreign(self) -> None:
        """Count a record that no worker of LeadScore wrote."""
        self.foreign += 1

    @property
    def letters(self) -> int:
        """How many letters there are."""
        return sum(code.letters for code in self.codes.values())
