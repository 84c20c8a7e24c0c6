"""Timers of a lead: whether somebody contacted it in time. A pure function of its records.

Two timers can run for a lead while its score is in one of some bands:

- ``hot``: since its score came into these bands;
- ``speed_to_lead``: since the lead was created.

A timer is overdue if the lead is still in the bands when its time is over, and no outcome of any
kind, such as a call, was known by then. Both are decided by times in the records, so it does not
matter when, or how often, the records are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import orjson

from agents.outcomes.arrivals import ArrivedOutcome, ScoredLead
from schemas.model_identity import ModelIdentity

__all__ = ["HOT", "SPEED_TO_LEAD", "Overdue", "TimedLead", "TimerOptions"]

HOT, SPEED_TO_LEAD = "hot", "speed_to_lead"
MOST_TOUCHES = 16
"""Latest outcomes that are kept of a lead."""


@dataclass(frozen=True, slots=True)
class TimerOptions:
    """Which timers run.

    Attributes
    ----------
    lengths
        By timer, its milliseconds; one that is not there does not run.
    bands
        Bands whose leads are to be contacted, in lower case.
    kept_ms
        Milliseconds after its last record for which a lead is kept.
    """

    lengths: Mapping[str, int]
    bands: Collection[str]
    kept_ms: int


class Overdue(NamedTuple):
    """A lead that nobody contacted in time.

    Attributes
    ----------
    timer
        The timer.
    since, due
        When it began to run, and when its time was over, in milliseconds since 1970.
    offset, score, band, model
        The score with which it began.
    """

    timer: str
    since: int
    due: int
    offset: int
    score: float
    band: str
    model: ModelIdentity

    def fields(self) -> list[Any]:
        """Return the fields as JSON takes them."""
        return [*self[:-1], [self.model.id, self.model.version, self.model.sha256]]

    @classmethod
    def of_fields(cls, given: Sequence[Any]) -> Self:
        """Return what ``fields`` was made from."""
        *fields, model = given
        return cls._make([*fields, ModelIdentity(*model)])


@dataclass(slots=True)
class TimedLead:
    """State of a lead.

    Attributes
    ----------
    offset, at
        Offset of the last record that was scored, and when it was; -1: none yet.
    is_hot
        Whether its score is in the bands.
    created
        Creation of the lead, if the timer ``speed_to_lead`` has run for it.
    touches
        When outcomes occurred, and when they arrived; ascending.
    running
        Timers that run.
    """

    offset: int = -1
    at: int = 0
    is_hot: bool = False
    created: int | None = None
    touches: list[tuple[int, int]] = field(default_factory=list)
    running: dict[str, Overdue] = field(default_factory=dict)

    @classmethod
    def of_bytes(cls, value: bytes | None) -> TimedLead:
        """Return the state that ``to_bytes`` wrote; that of a new lead for None."""
        if value is None:
            return cls()
        offset, at, is_hot, created, touches, running = orjson.loads(value)
        timers = map(Overdue.of_fields, running)
        pairs = [(occurred, arrived) for occurred, arrived in touches]
        return cls(offset, at, is_hot, created, pairs, {timer.timer: timer for timer in timers})

    def to_bytes(self) -> bytes:
        """Write the state."""
        running = [timer.fields() for timer in self.running.values()]
        return orjson.dumps(
            [self.offset, self.at, self.is_hot, self.created, self.touches, running]
        )

    def add_score(self, given: ScoredLead, options: TimerOptions) -> list[Overdue]:
        """Add a score; return the timers that were overdue before it.

        A record that was scored again, after a crash, changes nothing.
        """
        if given.offset <= self.offset:
            return []
        overdue = self.decide(given.at)
        is_hot = given.band.lower() in options.bands
        if not is_hot:
            self.running.clear()
        elif not self.is_hot:
            self._start(HOT, given.at, given, options)
        if is_hot and given.created is not None and given.created != self.created:
            self.created = given.created
            self._start(SPEED_TO_LEAD, given.created, given, options)
        self.offset, self.at, self.is_hot = given.offset, given.at, is_hot
        return overdue

    def _start(self, timer: str, since: int, given: ScoredLead, options: TimerOptions) -> None:
        length = options.lengths.get(timer)
        if length is not None:
            found = given.offset, given.score, given.band, given.model
            self.running[timer] = Overdue(timer, since, since + length, *found)

    def add_outcome(self, given: ArrivedOutcome) -> None:
        """Add an outcome of any kind; of more than ``MOST_TOUCHES``, the earliest is dropped."""
        touch = given.outcome.occurred_at, given.arrived
        if touch not in self.touches:
            self.touches = sorted([*self.touches, touch])[-MOST_TOUCHES:]

    def decide(self, until: int) -> list[Overdue]:
        """End the timers whose time is over at a time; return those that are overdue."""
        over = [timer for timer in self.running.values() if timer.due <= until]
        for timer in over:
            del self.running[timer.timer]
        return [timer for timer in over if not self._is_touched(timer)]

    def _is_touched(self, timer: Overdue) -> bool:
        # A contact may precede the score: it counts if it came within the timer's length before it.
        first = 2 * timer.since - timer.due
        return any(at >= first and arrived <= timer.due for at, arrived in self.touches)

    @property
    def is_kept(self) -> bool:
        """Whether there is something to keep: most leads are never hot, nor contacted."""
        return self.is_hot or self.created is not None or bool(self.touches)

    def due(self, options: TimerOptions) -> int:
        """Return the time at which something is to be done: a timer is over, or it is dropped."""
        if self.running:
            return min(timer.due for timer in self.running.values())
        return max([self.at, *(at for at, _ in self.touches)]) + options.kept_ms
