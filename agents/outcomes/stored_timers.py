"""Timers of a partition's leads in a store: who is due when, and who is overdue.

The join writes what changes with the offsets of its records. What is overdue waits in the store
until it was published, so it is neither lost nor found twice after a crash.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from agents.outcomes.arrivals import ArrivedOutcome, ScoredLead
from agents.outcomes.due_queue import DueQueue, lead_of
from agents.outcomes.lead_timers import Overdue, TimedLead, TimerOptions
from agents.outcomes.progress import OUTCOMES, SCORES, Progress
from agents.outcomes.store import OutcomeStore

__all__ = ["LEAD", "Found", "StoredTimers", "TimerWrites"]

LEAD, DUE, OVERDUE, MARK = b"t", b"y", b"o", b"z"
"""First byte of the keys; a time follows those of what is due, then the lead."""
AT_ONCE = 5000
"""Leads that are decided in one write."""

_Leads = Mapping[bytes, tuple[int | None, TimedLead]]
"""By id: when the lead is due by the store, None if it is not there; and its state."""


class TimerWrites(NamedTuple):
    """Changes of the store."""

    puts: Mapping[bytes, bytes]
    deletes: Sequence[bytes]


class Found(NamedTuple):
    """A lead that is overdue, and its key in the store."""

    key: bytes
    lead_id: bytes
    overdue: Overdue


class StoredTimers:
    """Runs the timers of a partition's leads.

    Parameters
    ----------
    store
        Holds them. What is in it was left by a join without timers if it is of other offsets than
        the join: then it is dropped, and timers begin with the next scores.
    options
        Which timers run.

    Attributes
    ----------
    queue
        When leads are due.
    """

    def __init__(self, store: OutcomeStore, options: TimerOptions) -> None:
        self.queue = DueQueue(store, DUE)
        self._store = store
        self._options = options
        [mark] = store.get([MARK])
        if mark != _mark(Progress.read(store)):
            self._clear()

    def _clear(self) -> None:
        for first in (LEAD, DUE, OVERDUE):
            while found := self._store.scan(first, _after(first), AT_ONCE):
                self._store.write({}, [key for key, _ in found])

    def mark(self, progress: Progress) -> Mapping[bytes, bytes]:
        """Return what is to be written with each progress."""
        return {MARK: _mark(progress)}

    def add_scores(self, scores: Sequence[ScoredLead]) -> TimerWrites:
        """Add live scores; return what is to be written with their offsets."""
        leads = self._load({given.lead_id for given in scores})
        overdue = [
            (given.lead_id, found)
            for given in scores
            for found in leads[given.lead_id][1].add_score(given, self._options)
        ]
        return self._writes(leads, overdue)

    def add_outcomes(self, arrived: Sequence[ArrivedOutcome]) -> TimerWrites:
        """Add outcomes; return what is to be written with their offsets."""
        leads = self._load({given.outcome.lead_id.encode() for given in arrived})
        for given in arrived:
            leads[given.outcome.lead_id.encode()][1].add_outcome(given)
        return self._writes(leads, ())

    def decide(self, until: int) -> None:
        """End the timers whose time is over, and drop leads that were quiet for long.

        Parameters
        ----------
        until
            Milliseconds since 1970; all records before that time must have been added.
        """
        while found := self.queue.due(until, AT_ONCE):
            leads = self._load({lead_of(key) for key, _ in found})
            overdue = [
                (lead_id, timer)
                for lead_id, (_, lead) in leads.items()
                for timer in lead.decide(until)
            ]
            dropped = {
                lead_id for lead_id, (_, lead) in leads.items() if lead.due(self._options) <= until
            }
            puts, deletes = self._writes(leads, overdue, dropped)
            self._store.write(puts, [*deletes, *(key for key, _ in found)])

    def overdue(self, most: int) -> list[Found]:
        """Return leads that are overdue, those first that are so for longest."""
        found = self._store.scan(OVERDUE, _after(OVERDUE), most)
        return [
            Found(key, key[10:], Overdue.of_fields(orjson.loads(value))) for key, value in found
        ]

    def published(self, keys: Iterable[bytes]) -> None:
        """Forget leads that were published."""
        self._store.write({}, list(keys))

    def _load(self, lead_ids: Iterable[bytes]) -> _Leads:
        ids = list(lead_ids)
        values = self._store.get([LEAD + lead_id for lead_id in ids]) if ids else []
        leads = {}
        for lead_id, value in zip(ids, values, strict=True):
            lead = TimedLead.of_bytes(value)
            leads[lead_id] = (None if value is None else lead.due(self._options), lead)
        return leads

    def _writes(
        self,
        leads: _Leads,
        overdue: Iterable[tuple[bytes, Overdue]],
        dropped: Collection[bytes] = (),
    ) -> TimerWrites:
        puts: dict[bytes, bytes] = {}
        deletes: list[bytes] = []
        for lead_id, (stored_due, lead) in leads.items():
            if stored_due is not None:
                deletes.append(self.queue.old_key(stored_due, lead_id))
            if lead_id in dropped:
                deletes.append(LEAD + lead_id)
            elif stored_due is not None or lead.is_kept:
                due = self.queue.key(lead.due(self._options), lead_id)
                puts[LEAD + lead_id], puts[due] = lead.to_bytes(), b""
        for lead_id, timer in overdue:
            puts[_overdue_key(timer, lead_id)] = orjson.dumps(timer.fields())
        return TimerWrites(puts, deletes)


def _mark(progress: Progress) -> bytes:
    return orjson.dumps([progress.offsets.get(topic, 0) for topic in (SCORES[0], OUTCOMES)])


def _overdue_key(timer: Overdue, lead_id: bytes) -> bytes:
    return OVERDUE + timer.due.to_bytes(8, "big") + timer.timer[:1].encode() + lead_id


def _after(first: bytes) -> bytes:
    return bytes([first[0] + 1])
