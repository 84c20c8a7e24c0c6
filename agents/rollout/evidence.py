"""Counts of the outputs of the two models in a rollout's step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.canary_mark import Arm, CanaryMark

__all__ = ["SCORE_BINS", "Counts", "Evidence", "LeadSplit", "Seen"]

SCORE_BINS = 50
TIMES_PER_OCTAVE = 8
TIME_BINS = 30 * TIMES_PER_OCTAVE
"""Bins of times in the model: up to 18 minutes, each 9 % wider than the one before."""
MOST_LEADS = 200_000
"""Leads that are remembered, some 20 MB; then the split is counted again."""
PAUSES = 10
"""A pause between two outputs of a partition counts as at most one such part of the time to settle:
there may have been no worker."""

Ints = NDArray[np.int64]


class Seen(NamedTuple):
    """An output of a worker.

    Attributes
    ----------
    at
        Time of its record, milliseconds since 1970.
    lead_id
        Its lead; None: not known.
    mark
        What scored it; None: it says nothing of a canary.
    score
        The score; None: it is a dead letter.
    partition
        The partition of its record, which is that of its lead, where it has a score.
    """

    at: int
    lead_id: bytes | None
    mark: CanaryMark | None
    score: float | None
    partition: int = 0


def _bins(length: int) -> Ints:
    return np.zeros(length, dtype=np.int64)


@dataclass(slots=True)
class ArmCounts:
    """Counts of the leads of one model.

    Attributes
    ----------
    leads, dead, failed
        Leads, those of them that became dead letters by a rule of the model, and those that the
        model failed to score.
    scores
        int64, shape (50,): leads by score.
    times
        int64, shape (240,): leads by the time that their batch's part took in the model.
    """

    leads: int = 0
    dead: int = 0
    failed: int = 0
    scores: Ints = field(default_factory=lambda: _bins(SCORE_BINS))
    times: Ints = field(default_factory=lambda: _bins(TIME_BINS))

    def __add__(self, other: ArmCounts) -> ArmCounts:
        """Return the counts of both."""
        return ArmCounts(
            self.leads + other.leads,
            self.dead + other.dead,
            self.failed + other.failed,
            self.scores + other.scores,
            self.times + other.times,
        )


@dataclass(slots=True)
class Counts:
    """Counts of both models. A lead that fell back counts for the canary: it was meant for it."""

    production: ArmCounts = field(default_factory=ArmCounts)
    canary: ArmCounts = field(default_factory=ArmCounts)

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both."""
        return Counts(self.production + other.production, self.canary + other.canary)

    def add(self, seen: Seen, mark: CanaryMark) -> None:
        """Count an output."""
        arm = self.production if mark.arm is Arm.PRODUCTION else self.canary
        arm.leads += 1
        if mark.arm is Arm.FALLBACK:
            arm.failed += 1
        elif seen.score is None:
            arm.dead += 1
        else:
            arm.scores[min(int(seen.score * SCORE_BINS), SCORE_BINS - 1)] += 1
            arm.times[time_bin(mark.microseconds)] += 1


def time_bin(microseconds: int) -> int:
    """Return the bin of a time."""
    return min(int(np.log2(max(microseconds, 1)) * TIMES_PER_OCTAVE), TIME_BINS - 1)


def time_of(position: int) -> float:
    """Return the upper edge of a bin of times, in microseconds."""
    return float(2 ** ((position + 1) / TIMES_PER_OCTAVE))


class LeadSplit:
    """Which leads went to which model, each lead once: a lead's later events say nothing new.

    Attributes
    ----------
    canary
        How many of the leads went to the canary.
    converted
        Conversions, by whether the lead is the canary's.
    rounds
        How often it was begun: again once there are too many leads to remember.
    """

    def __init__(self) -> None:
        self.rounds = 0
        self._forget()

    def _forget(self) -> None:
        self.rounds += 1
        self._is_canary: dict[int, bool] = {}
        self._converted: set[int] = set()
        self.canary = 0
        self.converted = {True: 0, False: 0}

    @property
    def leads(self) -> int:
        """How many leads there are."""
        return len(self._is_canary)

    def add(self, lead_id: bytes, is_canary: bool) -> None:
        """Count a lead, unless it is known."""
        if len(self._is_canary) >= MOST_LEADS:
            self._forget()
        lead = hash(lead_id)
        if lead not in self._is_canary:
            self._is_canary[lead] = is_canary
            self.canary += is_canary

    def convert(self, lead_id: bytes) -> None:
        """Count the conversion of a lead that is known."""
        lead = hash(lead_id)
        if lead in self._is_canary and lead not in self._converted:
            self._converted.add(lead)
            self.converted[self._is_canary[lead]] += 1


class Evidence:
    """The outputs of one step of a rollout, counted.

    Counts are kept by windows of the outputs' own time, so that they do not depend on when they
    are read.

    Parameters
    ----------
    salt, share
        Salt and share of the step.
    began
        When it began, milliseconds since 1970.
    settles
        Milliseconds within which a worker starts the step. If a partition has outputs without a
        mark for longer, the canary did not get its leads. For a shorter time that is normal: a
        worker that is assigned a partition scores the last leads again, by the model that scored
        them first.
    window_ms
        Length of a window.

    Attributes
    ----------
    split
        The leads by model.
    latest
        Time of the latest output of the step, milliseconds since 1970; None: there is none.
    """

    def __init__(
        self, *, salt: str, share: float, began: int, settles: int, window_ms: int
    ) -> None:
        self.salt, self.share, self.began = salt, share, began
        self.split = LeadSplit()
        self.latest: int | None = None
        self._settles = settles
        self._unsplit: dict[int, tuple[int, int]] = {}  # time of the last output, and for how long
        self._window_ms = window_ms
        self._first = began // window_ms
        self._total = Counts()
        self._windows: dict[int, Counts] = {}

    def add(self, outputs: Iterable[Seen]) -> None:
        """Count outputs."""
        for seen in outputs:
            self._add(seen)

    def convert(self, lead_ids: Iterable[bytes]) -> None:
        """Count conversions of leads."""
        for lead_id in lead_ids:
            self.split.convert(lead_id)

    @property
    def total(self) -> Counts:
        """Counts of the whole step."""
        return self._total

    @property
    def windows(self) -> int:
        """Number of the latest window since the step began."""
        return max(self._windows, default=self._first) - self._first + 1

    def recent(self) -> Counts:
        """Return the counts of the latest window and the one before."""
        last = max(self._windows, default=0)
        return sum((self._windows.get(at, Counts()) for at in (last - 1, last)), Counts())

    def _add(self, seen: Seen) -> None:
        mark = seen.mark
        if mark is None or mark.salt != self.salt:
            self._add_unsplit(seen)
            return
        if seen.score is not None:
            self._unsplit.pop(seen.partition, None)
        if mark.share != self.share:
            return  # of another step: its worker splits the leads, and is about to change
        self.latest = max(seen.at, self.latest or 0)
        window = seen.at // self._window_ms
        if window not in self._windows:
            self._windows[window] = Counts()
            last = max(self._windows)
            self._windows = {at: kept for at, kept in self._windows.items() if at >= last - 1}
        if window in self._windows:
            self._windows[window].add(seen, mark)
        self._total.add(seen, mark)
        if seen.lead_id:
            self.split.add(seen.lead_id, is_canary=mark.arm is not Arm.PRODUCTION)

    def _add_unsplit(self, seen: Seen) -> None:
        # A record that no model could read is no sign: its lead has no model.
        if not seen.lead_id or seen.score is None:
            return
        last, so_far = self._unsplit.get(seen.partition, (self.began, 0))
        pause = min(max(seen.at - last, 0), self._settles // PAUSES)
        self._unsplit[seen.partition] = (max(seen.at, last), so_far + pause)
        if so_far + pause >= self._settles:
            self.split.add(seen.lead_id, is_canary=False)
