"""Plain leads, by column: those with one score, and at most one outcome, which belongs to it.

Most leads are plain, and what happens to them follows from a few numbers. So it is computed for all
leads of a batch at once, from the bytes that ``LeadState`` writes. Other leads go through
``LeadState``, which tests hold to give the same for plain ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.kinds import OutcomeKind
from agents.outcomes.lead_state import JoinOptions, is_in_time, week_of
from monitoring.quality.scored_outcomes import NEGATIVE, POSITIVE, UNKNOWN, ScoredOutcomes

__all__ = ["Cell", "PlainLeads", "by_cell", "plain_leads"]

Cell = tuple[int, int, int, int | None]
"""A cohort by numbers, which hash fast: channel, model, week and segment."""

STATE = [("scores", "u1"), ("outcomes", "u1")]
SCORE = [
    *(("channel", "u1"), ("mark", "u1"), ("model", "<u2"), ("band", "<u2")),
    *(("at", "<i8"), ("offset", "<i8"), ("score", "<f8")),
]
OUTCOME = [
    *(("kind", "u1"), ("size", "u1"), ("currency", "S3")),
    *(("occurred", "<i8"), ("record", "<i8"), ("arrived", "<i8"), ("money", "<i8")),
]
"""Fields of the bytes that ``LeadState`` writes."""
SCORE_BYTES = np.dtype(STATE + SCORE).itemsize
OUTCOME_BYTES = np.dtype(OUTCOME).itemsize
MATURED = 1
"""Bit of a mark; the number of segments is above it."""
PLAIN = (b"\1\0", b"\1\1")
"""First bytes of a state with one score, without and with an outcome."""


@dataclass(frozen=True, slots=True, eq=False)
class PlainLeads:
    """n plain leads whose states have the same length.

    Attributes
    ----------
    lead_ids
        n ids, in UTF-8.
    states
        Structured array, shape (n,): the bytes of their states.
    """

    lead_ids: Sequence[bytes]
    states: NDArray[Any]

    def __len__(self) -> int:
        return len(self.lead_ids)

    @classmethod
    def of_scores(
        cls,
        lead_ids: Sequence[bytes],
        channel: int,
        numbers: Mapping[str, NDArray[Any]],
        segments: Sequence[Sequence[int]],
    ) -> Self:
        """Return leads with new scores.

        Parameters
        ----------
        lead_ids
            The leads.
        channel
            Where the scores come from.
        numbers
            Their ``model``, ``band``, ``at``, ``offset`` and ``score``, each of shape (n,).
        segments
            Numbers of each lead's segments, equally many.
        """
        width = len(segments[0]) if segments else 0
        states = np.zeros(len(lead_ids), _fields(width, has_outcome=False))
        states["scores"], states["channel"], states["mark"] = 1, channel, width << 1
        for name, values in numbers.items():
            states[name] = values
        if width:
            states["segments"] = segments
        return cls(lead_ids, states)

    @property
    def at(self) -> NDArray[np.int64]:
        """int64, shape (n,): times of the scores, in milliseconds since 1970."""
        found: NDArray[np.int64] = self.states["at"]
        return found

    @property
    def are_matured(self) -> NDArray[np.bool_]:
        """bool, shape (n,): whether the horizon has passed."""
        found: NDArray[np.bool_] = self.states["mark"] & MATURED > 0
        return found

    @property
    def has_outcome(self) -> bool:
        """Whether the leads have an outcome."""
        return "kind" in (self.states.dtype.names or ())

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Self:
        """Return some of the leads."""
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        ids = [self.lead_ids[row] for row in rows.tolist()]
        return type(self)(ids, self.states[rows])

    def marked(self, rows: NDArray[np.bool_]) -> Self:
        """Return the leads, some of them marked as matured."""
        states = self.states.copy()
        states["mark"] |= rows.astype(np.uint8)
        return type(self)(self.lead_ids, states)

    def values(self) -> list[bytes]:
        """Return the bytes of each state."""
        whole, size = self.states.tobytes(), self.states.dtype.itemsize
        return [whole[start : start + size] for start in range(0, len(whole), size)]

    def belong(self, options: JoinOptions) -> NDArray[np.bool_]:
        """Return whether each lead's outcome counts for its score; see ``belongs``."""
        occurred, arrived = self.states["occurred"], self.states["arrived"]
        found: NDArray[np.bool_] = is_in_time(self.at, occurred, arrived, options)
        return found

    def are_positive(self) -> NDArray[np.bool_]:
        """Return whether each lead's outcome is a success, bool, shape (n,)."""
        if not self.has_outcome:
            return np.zeros(len(self), np.bool_)
        found: NDArray[np.bool_] = self.states["kind"] == OutcomeKind.POSITIVE
        return found

    def scored_outcomes(self, bands: Sequence[str], *, is_known: bool) -> ScoredOutcomes:
        """Return what the leads count for.

        Parameters
        ----------
        bands
            Names of the bands, by number.
        is_known
            Whether the outcome counts already: then it is negative if it is missing.
        """
        n = len(self)
        outcomes = np.full(n, NEGATIVE if is_known else UNKNOWN, np.int8)
        money, currencies = np.zeros(n, np.int64), [""] * n
        if is_known and self.has_outcome:
            outcomes[self.are_positive()] = POSITIVE
            money = self.states["money"].astype(np.int64)
            currencies = [text.decode() for text in self.states["currency"].tolist()]
        return ScoredOutcomes(
            self.states["score"].astype(np.float64),
            outcomes,
            [bands[number] for number in self.states["band"].tolist()],
            money,
            currencies,
        )


def plain_leads(
    values: Mapping[bytes, bytes], options: JoinOptions
) -> tuple[list[PlainLeads], dict[bytes, bytes]]:
    """Return the plain leads among some, those of equal length together, and the others' states.

    Parameters
    ----------
    values
        States by lead.
    options
        Which outcomes belong to a score.
    """
    by_length: dict[int, list[bytes]] = {}
    others: dict[bytes, bytes] = {}
    for lead_id, value in values.items():
        if value.startswith(PLAIN):
            by_length.setdefault(len(value), []).append(lead_id)
        else:
            others[lead_id] = value
    found = []
    for length, ids in by_length.items():
        leads = PlainLeads(ids, _states([values[one] for one in ids], length))
        if leads.has_outcome:
            belong = leads.belong(options)
            others |= {one: values[one] for one in leads.take(~belong).lead_ids}
            leads = leads.take(belong)
        found.append(leads)
    return [leads for leads in found if len(leads)], others


def by_cell(leads: PlainLeads) -> Iterator[tuple[Cell, NDArray[np.intp]]]:
    """Yield the cells by which leads are counted, and the rows of each.

    That of all of a model's leads in a week, and those of their segments.
    """
    if not len(leads):
        return
    states = leads.states
    columns = [states["channel"], states["model"], week_of(leads.at)]
    for rows in _equal(columns):
        channel, model, week = (int(column[rows[0]]) for column in columns)
        yield (channel, model, week, None), rows
        if "segments" not in (states.dtype.names or ()):
            continue
        for place in range(states["segments"].shape[1]):
            numbers = states["segments"][rows, place]
            for of_segment in _equal([numbers]):
                segment = int(numbers[of_segment[0]])
                yield (channel, model, week, segment), rows[of_segment]


def _equal(columns: Iterable[NDArray[Any]]) -> list[NDArray[np.intp]]:
    """Return the rows of each combination of values, ascending."""
    found = [column.astype(np.int64) for column in columns]
    if all((column == column[0]).all() for column in found):  # as mostly
        return [np.arange(len(found[0]))]
    order = np.lexsort(found)
    changes = np.zeros(len(order) - 1, np.bool_)
    for column in found:
        changes |= np.diff(column[order]) != 0
    return np.split(order, np.flatnonzero(changes) + 1)


def _states(values: Sequence[bytes], length: int) -> NDArray[Any]:
    has_outcome = values[0].startswith(PLAIN[1])
    width = (length - SCORE_BYTES - has_outcome * OUTCOME_BYTES) // 2
    return np.frombuffer(b"".join(values), _fields(width, has_outcome=has_outcome))


def _fields(width: int, *, has_outcome: bool) -> np.dtype[Any]:
    """Return the fields of a state whose score has some segments."""
    segments: list[Any] = [("segments", "<u2", (width,))] if width else []
    return np.dtype([*STATE, *SCORE, *segments, *(OUTCOME if has_outcome else [])])
