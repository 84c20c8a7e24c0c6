"""The join of one partition: scores and outcomes in, counts by cohort out.

Its state is in a store: leads, what is due, the counts, and how far each topic was read. A call
changes all of it in one write. So the state is always that of some offsets, and the counts are a
function of the records below them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.arrivals import ArrivedOutcome, ScoredLead, ScoredLeads
from agents.outcomes.change import Change
from agents.outcomes.change_counts import ChangeCounts
from agents.outcomes.cohorts import CohortKey, Cohorts
from agents.outcomes.due_queue import DueQueue, lead_of, time_of
from agents.outcomes.kinds import OutcomeKind, OutcomeKinds
from agents.outcomes.lead_state import (
    JoinOptions,
    LeadState,
    Outcome,
    examples,
    takes_first_outcome,
    with_first_outcome,
)
from agents.outcomes.numbered_scores import NumberedScores
from agents.outcomes.plain_leads import PlainLeads, plain_leads
from agents.outcomes.plain_schedule import due_times, handled
from agents.outcomes.progress import Progress
from agents.outcomes.schedule import due_at, left_without, scores_over_at
from agents.outcomes.store import OutcomeStore
from agents.outcomes.stored_cohorts import StoredCohorts
from agents.outcomes.stored_concepts import FoundChange, StoredConcepts
from agents.outcomes.stored_timers import StoredTimers
from agents.outcomes.treatment import treatment_of

if TYPE_CHECKING:
    from agents.quality.concept_watch import ConceptWatch

__all__ = ["LEAD", "ArrivedOutcome", "PartitionJoin", "ScoredLead", "Tally"]

LEAD, DUE = b"l", b"q"
"""First byte of the keys of leads, and of what is due: a time follows, and the lead. Each has the
lead's state: so what is due is one range of keys, and is read in a tenth of the time."""
AT_ONCE = 5000
"""Leads that are due, handled in one write."""

Tally = Counter[str]
"""How many outcomes, or scores, had which treatment (docs/outcomes.md)."""


class PartitionJoin:
    """Joins the outcomes of a partition's leads to their scores.

    Parameters
    ----------
    store
        Holds the state, of this join or a new one.
    options
        Which outcomes count for a score.
    kinds
        What an outcome says.
    make_watch
        Makes the detectors of changes; None: there are none.
    timers
        Those of the leads; None: there are none.

    Attributes
    ----------
    progress
        How far each topic was read, and the watermark.
    timers
        As given.
    """

    def __init__(
        self,
        store: OutcomeStore,
        options: JoinOptions,
        kinds: OutcomeKinds,
        make_watch: Callable[[], ConceptWatch] | None = None,
        timers: StoredTimers | None = None,
    ) -> None:
        self._store = store
        self._options = options
        self._kinds = kinds
        self._cohorts = StoredCohorts(store)
        self._counts = ChangeCounts(self._cohorts, options)
        self._queue = DueQueue(store, DUE)
        self._concepts = make_watch and StoredConcepts(store, self._cohorts, make_watch)
        self.progress = Progress.read(store)
        if old := self._cohorts.forget_before(self.first_reported_week):
            store.write({}, old)
        self.timers = timers

    @property
    def cohorts(self) -> Cohorts:
        """The counts."""
        return self._cohorts.cohorts

    def take_changed(self) -> set[CohortKey]:
        """Return the cohorts that changed since the last call.

        Those that began before the logs that were read are left out: they would lack leads. Weeks
        that are not reported any more have been dropped.
        """
        since = self.progress.complete_since
        return {key for key in self._cohorts.take_changed() if key.week >= since}

    def take_changes(self) -> list[FoundChange]:
        """Return the changes of the errors of scores that were found since the last call."""
        found = self._concepts.take_changes() if self._concepts else []
        return [change for change in found if change.key.week >= self.first_reported_week]

    @property
    def first_reported_week(self) -> int:
        """Start of the first week that is still reported, in milliseconds since 1970."""
        return self._options.first_reported_week(self.progress.watermark)

    def can_join(self, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether outcomes of scores of these times may still be there.

        Where not, a score would count as a failure whatever the outcome of its lead is.
        """
        return at + self._options.kept_ms > self.progress.watermark

    def add_scores(
        self, channel: int, scores: Sequence[ScoredLead], first_offset: int, next_offset: int
    ) -> Tally:
        """Add the scores of consecutive records.

        Parameters
        ----------
        channel
            0, the live topic; 1, the shadow's.
        scores
            Those of the records that are scores.
        first_offset, next_offset
            Offset of the first record, and the one after the last.

        Returns
        -------
        Counter of str
            Treatments of what became due.
        """
        leads = ScoredLeads.of(scores)
        change = self._added(channel, leads)
        earliest, latest = (int(leads.at.min()), int(leads.at.max())) if len(leads) else (0, 0)
        self.progress.read_scores(channel, first_offset, next_offset, earliest)
        if channel == 0:
            self.progress.watermark = max(self.progress.watermark, latest)
            if self.timers is not None:
                change.include(self.timers.add_scores(leads))
        self._commit(change)
        return self._handle_due()

    def _added(self, channel: int, leads: ScoredLeads) -> Change:
        """Add scores: by column those of leads that have no other."""
        times = Counter(leads.lead_ids)
        values = self._values(times)
        scores = NumberedScores.of(channel, leads, self._cohorts)
        are_plain = scores.are_as_wide & np.array(
            [times[one] == 1 and one not in values for one in leads.lead_ids], np.bool_
        )
        others = np.flatnonzero(~are_plain).tolist()
        ids = dict.fromkeys(leads.lead_ids[row] for row in others)
        change = self._changing({lead_id: values.get(lead_id) for lead_id in ids})
        for row in others:
            state = change.states[leads.lead_ids[row]]
            state.add_score(scores.score(row), self._options.horizon_ms)
        plain = scores.plain(np.flatnonzero(are_plain))
        change.counted.append((plain, False, 1))
        self._keep(change, plain)
        return change

    def add_outcomes(
        self, arrived: Sequence[ArrivedOutcome], first_offset: int, next_offset: int
    ) -> Tally:
        """Add the outcomes of consecutive records; see ``add_scores``.

        Returns
        -------
        Counter of str
            Treatments of the outcomes.
        """
        times = Counter(given.outcome.lead_id.encode() for given in arrived)
        values = self._values(times)
        change = self._changing(
            {
                lead_id: values.get(lead_id)
                for lead_id, number in times.items()
                if number > 1 or not takes_first_outcome(values.get(lead_id))
            }
        )
        tally: Tally = Counter()
        for given in arrived:
            found = given.outcome
            kind = self._kinds.of(found.outcome)
            if kind is OutcomeKind.OPEN:
                tally["open"] += 1
                continue
            entry = Outcome(
                *(found.occurred_at, given.offset, given.arrived, kind),
                *(found.money or 0, found.currency or ""),
            )
            lead_id = found.lead_id.encode()
            state = change.states.get(lead_id) or LeadState.of_bytes(values[lead_id])
            treatment = treatment_of(entry, state, self._options)
            tally[treatment] += 1
            if lead_id not in change.states:
                due = self._queue.key(due_at(state, self._options), lead_id)
                new = with_first_outcome(values[lead_id], entry)
                change.puts[LEAD + lead_id] = change.puts[due] = new
            elif treatment != "repeated":
                state.add_outcome(entry)
        earliest = min((given.arrived for given in arrived), default=0)
        self.progress.read_outcomes(first_offset, next_offset, earliest)
        if self.timers is not None:
            change.include(self.timers.add_outcomes(arrived))
        self._commit(change)
        return tally

    # What is due

    def _handle_due(self) -> Tally:
        """Mature and drop scores up to the watermark, in the order in which they are due.

        The order does not depend on how far the watermark moves at once, as detectors of changes
        read the scores in it.
        """
        tally: Tally = Counter()
        while entries := self._queue.due(self.progress.watermark, AT_ONCE):
            due = [(time_of(key), lead_of(key)) for key, _ in entries]
            values = {lead_of(key): value for key, value in entries}
            plain, others = plain_leads(values, self._options)
            change = self._changing(others)
            change.deletes += [key for key, _ in entries]
            for leads in plain:
                self._handle_plain(leads, due[-1], change, tally)
            self._handle_others(due, change, tally)
            self._commit(change)
        return tally

    def _handle_plain(
        self, leads: PlainLeads, last: tuple[int, bytes], change: Change, tally: Tally
    ) -> None:
        found = handled(leads, last, self._options)
        if not leads.has_outcome:
            tally["missing"] += len(found.matured)
        change.counted += [(found.matured, False, -1), (found.matured, True, 1)]
        change.dropped.append((found.dropped, found.dropped_at))
        change.deletes += [LEAD + lead_id for lead_id in found.dropped.lead_ids]
        self._keep(change, found.kept)

    def _handle_others(
        self, entries: Sequence[tuple[int, bytes]], change: Change, tally: Tally
    ) -> None:
        last = entries[-1]
        due = [each for each in entries if each[1] in change.states]
        while due:  # ascending, so it is a heap
            at, lead_id = heappop(due)
            self._handle(lead_id, at, change, tally)
            state = change.states[lead_id]
            if state.is_empty:
                continue
            following = due_at(state, self._options), lead_id
            if at < following[0] and following <= last:
                heappush(due, following)

    def _handle(self, lead_id: bytes, at: int, change: Change, tally: Tally) -> None:
        state = change.states[lead_id]
        if state.is_empty or due_at(state, self._options) > at:
            return  # handled before
        if new := state.mature(at - self._options.horizon_ms):
            found = examples(state, self._options)
            tally["missing"] += sum(e.outcome is None and e.score in new for e in found)
        over = scores_over_at(state, at, self._options)
        if not state.scores:
            tally["orphaned"] += len(state.outcomes)
        if over or not state.scores:
            found = examples(state, self._options)
            change.final += [
                (at, lead_id, self._counts.rows_of(e)) for e in found if e.score in over
            ]
            change.states[lead_id] = left_without(state, over, at, self._options)

    # Reading and writing

    def _values(self, lead_ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the stored states of leads that have one."""
        ids = list(lead_ids)
        values = self._store.get([LEAD + lead_id for lead_id in ids]) if ids else []
        return {one: value for one, value in zip(ids, values, strict=True) if value is not None}

    def _changing(self, values: Mapping[bytes, bytes | None]) -> Change:
        """Return the change of leads, given their stored states."""
        states = {lead_id: LeadState.of_bytes(value) for lead_id, value in values.items()}
        before = {lead_id: self._counts.rows(state) for lead_id, state in states.items()}
        stored = {
            lead_id: due_at(state, self._options)
            for lead_id, state in states.items()
            if not state.is_empty
        }
        return Change(states, before, stored)

    def _keep(self, change: Change, leads: PlainLeads) -> None:
        """Write the states of plain leads."""
        values = leads.values()
        change.puts |= zip((LEAD + one for one in leads.lead_ids), values, strict=True)
        due = self._queue.keys(due_times(leads, self._options), leads.lead_ids)
        change.puts |= zip(due, values, strict=True)

    def _commit(self, change: Change) -> None:
        puts, deletes = change.puts, change.deletes
        for lead_id, state in change.states.items():
            if lead_id in change.stored:
                deletes.append(self._queue.old_key(change.stored[lead_id], lead_id))
            if not state.is_empty:
                due = self._queue.key(due_at(state, self._options), lead_id)
                puts[LEAD + lead_id] = puts[due] = state.to_bytes()
            elif lead_id in change.stored:
                deletes.append(LEAD + lead_id)
        deletes += self._cohorts.forget_before(self.first_reported_week)
        puts |= self._cohorts.apply(self._counts.deltas(change), self._counts.columns(change))
        if self._concepts and (final := self._counts.final(change)):
            puts |= self._concepts.apply(final)
        puts |= self.progress.entry()
        if self.timers is not None:
            puts |= self.timers.mark(self.progress)
        self._store.write(puts, deletes)
