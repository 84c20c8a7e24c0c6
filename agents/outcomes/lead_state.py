"""State of a lead: its latest scores and final outcomes, and those of them that count.

What counts is a function of the two sets, not of the order in which they came: so the interleaving
of two topics changes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.kinds import OutcomeKind

__all__ = [
    "MOST_ENTRIES",
    "Channel",
    "Example",
    "JoinOptions",
    "LeadState",
    "Outcome",
    "Score",
    "belongs",
    "examples",
    "is_in_time",
    "last_before",
    "sessions",
    "takes_first_outcome",
    "week_of",
    "with_first_outcome",
]

MOST_ENTRIES = 16
"""Latest scores of a session, and latest outcomes, that are kept of a lead."""
MONDAY_MS, WEEK_MS = 345_600_000, 604_800_000
"""The first Monday after 1970 began, and a week, in milliseconds."""

Times = TypeVar("Times", int, NDArray[np.int64])
Channel = int
"""Where a score comes from: 0, the live topic; 1, the shadow's."""

SCORE = struct.Struct("<BBHHqqd")
SEGMENT = struct.Struct("<H")
OUTCOME = struct.Struct("<BB3sqqqq")
COUNT = struct.Struct("<BB")
SINGLE = COUNT.pack(1, 0)
"""First bytes of a state with one score and no outcome."""


class Score(NamedTuple):
    """A score of a lead.

    Attributes
    ----------
    channel
        Where it comes from.
    at
        Since when it counts as known, in milliseconds since 1970.
    offset
        Offset of the lead's record: the same if it was scored again after a crash.
    score
        0 to 1.
    model, band
        Numbers of the model and of the band in the store.
    is_matured
        Whether the horizon has passed.
    segments
        Numbers of its segments in the store.
    """

    channel: Channel
    at: int
    offset: int
    score: float
    model: int
    band: int
    is_matured: bool = False
    segments: tuple[int, ...] = ()

    @property
    def record(self) -> tuple[Channel, int, int]:
        """Identity: equal if the same record was scored again by the same model."""
        return self.channel, self.offset, self.model


class Outcome(NamedTuple):
    """A final outcome of a lead.

    Attributes
    ----------
    at
        When it occurred, in milliseconds since 1970.
    offset
        Offset of its record.
    arrived
        When it arrived, in milliseconds since 1970.
    kind
        Positive or negative.
    money
        In ten-thousandths of the currency; 0: not known.
    currency
        Currency of the money; empty: not known.
    """

    at: int
    offset: int
    arrived: int
    kind: OutcomeKind
    money: int = 0
    currency: str = ""

    @property
    def content(self) -> tuple[int, OutcomeKind, int, str]:
        """Identity: equal if the same outcome is sent again."""
        return self.at, self.kind, self.money, self.currency


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """Which outcomes count for a score.

    Attributes
    ----------
    horizon_ms
        Milliseconds after a score in which an outcome may occur.
    late_ms
        Milliseconds after the horizon in which it may still arrive.
    reported_ms
        Milliseconds after a week for which its counts are kept and reported; longer than
        ``kept_ms``.
    """

    horizon_ms: int
    late_ms: int
    reported_ms: int = 104 * WEEK_MS

    @property
    def kept_ms(self) -> int:
        """Milliseconds after its last score for which a lead is kept.

        Twice the lateness: while one topic is read behind the other by less than ``late_ms``, no
        outcome misses its score.
        """
        return self.horizon_ms + 2 * self.late_ms

    def first_reported_week(self, watermark: int) -> int:
        """Return the start of the first week that is still reported at a watermark."""
        return week_of(watermark - self.reported_ms)


@dataclass(slots=True)
class LeadState:
    """State of a lead: scores and outcomes, each ascending by time and offset."""

    scores: list[Score]
    outcomes: list[Outcome]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not self.scores and not self.outcomes

    @classmethod
    def of_bytes(cls, value: bytes | None) -> LeadState:
        """Return the state that ``to_bytes`` wrote; an empty one for None."""
        if value is None:
            return cls([], [])
        scores, outcomes = COUNT.unpack_from(value)
        at, state = COUNT.size, cls([], [])
        for _ in range(scores):
            channel, mark, model, band, time, offset, score = SCORE.unpack_from(value, at)
            at += SCORE.size
            segments: tuple[int, ...] = ()
            if mark > 1:
                stop = at + (mark >> 1) * SEGMENT.size
                segments = tuple(number for (number,) in SEGMENT.iter_unpack(value[at:stop]))
                at = stop
            state.scores.append(
                Score(channel, time, offset, score, model, band, bool(mark & 1), segments)
            )
        for _ in range(outcomes):
            kind, size, currency, time, offset, arrived, money = OUTCOME.unpack_from(value, at)
            text = currency[:size].decode()
            state.outcomes.append(Outcome(time, offset, arrived, OutcomeKind(kind), money, text))
            at += OUTCOME.size
        return state

    def to_bytes(self) -> bytes:
        """Write the state: 2 bytes, 30 for each score, 2 for each segment, 37 for each outcome."""
        parts = [COUNT.pack(len(self.scores), len(self.outcomes))]
        for s in self.scores:
            mark = s.is_matured | len(s.segments) << 1
            parts.append(SCORE.pack(s.channel, mark, s.model, s.band, s.at, s.offset, s.score))
            parts += map(SEGMENT.pack, s.segments)
        parts += map(_outcome_bytes, self.outcomes)
        return b"".join(parts)

    def add_score(self, score: Score, horizon_ms: int) -> None:
        """Add a score.

        A repeated one (the same record and model) counts from its first time on. Of more than
        ``MOST_ENTRIES`` of a session (``agents.outcomes.sessions``), the earliest is dropped.
        """
        for place, kept in enumerate(self.scores):
            if kept.record == score.record:
                if kept.at <= score.at:
                    return
                del self.scores[place]
                break
        self.scores.append(score)
        self.scores.sort(key=_by_time)
        if len(self.scores) > MOST_ENTRIES:
            for session in sessions(self.scores, horizon_ms):
                for earliest in session[:-MOST_ENTRIES]:
                    self.scores.remove(earliest)

    def add_outcome(self, outcome: Outcome) -> None:
        """Add an outcome; of more than ``MOST_ENTRIES``, the earliest is dropped."""
        self.outcomes.append(outcome)
        self.outcomes.sort(key=_by_time)
        del self.outcomes[:-MOST_ENTRIES]

    def mature(self, until: int) -> list[Score]:
        """Mark scores up to a time as matured; return those that are new."""
        new = []
        for place, score in enumerate(self.scores):
            if score.at <= until and not score.is_matured:
                self.scores[place] = score._replace(is_matured=True)
                new.append(self.scores[place])
        return new


def takes_first_outcome(value: bytes | None) -> bool:
    """Return whether a state has one score, not matured, and no outcome: a first one can be added.

    Then the outcome changes neither how the lead is counted nor when something is due.
    """
    return value is not None and value.startswith(SINGLE) and not value[3] & 1


def with_first_outcome(value: bytes, outcome: Outcome) -> bytes:
    """Return such a state with an outcome."""
    return COUNT.pack(1, 1) + value[COUNT.size :] + _outcome_bytes(outcome)


def _outcome_bytes(o: Outcome) -> bytes:
    numbers = o.at, o.offset, o.arrived, o.money
    return OUTCOME.pack(o.kind, len(o.currency), o.currency.encode(), *numbers)


def sessions(scores: Sequence[Score], horizon_ms: int) -> list[list[Score]]:
    """Return the sessions of each channel, given scores ascending by time."""
    if len(scores) == 1:  # of most leads
        return [[*scores]]
    found: list[list[Score]] = []
    for channel in sorted({score.channel for score in scores}):
        last: Score | None = None
        for score in scores:
            if score.channel != channel:
                continue
            if last is None or score.at > last.at + horizon_ms:
                found.append([])
            found[-1].append(score)
            last = score
    return found


class Example(NamedTuple):
    """A score that counts, and the outcome that was joined to it.

    Attributes
    ----------
    score
        The score.
    outcome
        None: none within the horizon.
    """

    score: Score
    outcome: Outcome | None

    @property
    def kind(self) -> OutcomeKind | None:
        """The kind that counts: None while the horizon has not passed, then negative if missing."""
        if not self.score.is_matured:
            return None
        return OutcomeKind.NEGATIVE if self.outcome is None else self.outcome.kind


def examples(state: LeadState, options: JoinOptions) -> list[Example]:
    """Return the scores of a lead that count.

    An outcome belongs to the last score of each channel before it, if it occurred within the
    horizon and did not arrive too late. Of several, the one that occurred last counts, at the same
    time the one that was sent last. A score without an outcome does not count if a later one within
    its horizon supersedes it: that one has the lead's outcome.
    """
    if len(state.scores) == 1:  # of most leads
        return [_example(state.scores[0], None, state.outcomes, options)]
    found = []
    for channel in sorted({score.channel for score in state.scores}):
        scores = [score for score in state.scores if score.channel == channel]
        for score, later in zip(scores, [*scores[1:], None], strict=True):
            example = _example(score, later, state.outcomes, options)
            is_last = later is None or later.at > score.at + options.horizon_ms
            if is_last or example.outcome is not None:
                found.append(example)
    return found


def _example(
    score: Score, later: Score | None, outcomes: Iterable[Outcome], options: JoinOptions
) -> Example:
    """Return a score with the last outcome that belongs to it, and not to the next score."""
    last: Outcome | None = None
    for outcome in outcomes:
        if (later is None or outcome.at < later.at) and belongs(outcome, score, options):
            last = outcome
    return Example(score, last)


def belongs(outcome: Outcome, score: Score, options: JoinOptions) -> bool:
    """Return whether an outcome counts for a score, if no later score is before it."""
    return bool(is_in_time(score.at, outcome.at, outcome.arrived, options))


def is_in_time(at: Any, occurred: Any, arrived: Any, options: JoinOptions) -> Any:
    """Return whether outcomes count for the score before them.

    Parameters
    ----------
    at, occurred, arrived
        Times of the score and of its outcome, in milliseconds since 1970: three of int, or int64 of
        shape (n,).
    options
        The horizon, and how late an outcome may arrive.

    Returns
    -------
    bool, or ndarray of bool, shape (n,)
    """
    last = at + options.horizon_ms
    return (at <= occurred) & (occurred <= last) & (arrived <= last + options.late_ms)


def week_of(at: Times) -> Times:
    """Return the start of a time's week, or of each time's, in milliseconds since 1970.

    A week begins on Monday, 0:00 UTC.

    Examples
    --------
    >>> week_of(1_760_000_000_123)  # Thursday, 9 October 2025
    1759708800000
    """
    return (at - MONDAY_MS) // WEEK_MS * WEEK_MS + MONDAY_MS


def _by_time(entry: Score | Outcome) -> tuple[int, int]:
    return entry.at, entry.offset


def last_before(scores: Iterable[Score], at: int) -> Score | None:
    """Return the last of ascending scores at or before a time; None if there is none."""
    found: Sequence[Score] = [score for score in scores if score.at <= at]
    return found[-1] if found else None
