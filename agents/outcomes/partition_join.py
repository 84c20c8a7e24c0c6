"""The join of one partition: scores and outcomes in, counts by cohort out.

Its state is in a store: leads, what is due, the counts, and how far each topic was read. A call
changes all of it in one write. So the state is always that of some offsets, and the counts are a
function of the records below them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from agents.outcomes.arrivals import ArrivedOutcome, ScoredLead
from agents.outcomes.cohorts import CohortKey, CohortRow, CohortRows, Cohorts
from agents.outcomes.kinds import OutcomeKind, OutcomeKinds
from agents.outcomes.lead_state import (
    Channel,
    Example,
    JoinOptions,
    LeadState,
    Outcome,
    Score,
    examples,
    week_of,
)
from agents.outcomes.progress import Progress
from agents.outcomes.schedule import due_at, left_without, scores_over_at
from agents.outcomes.store import OutcomeStore
from agents.outcomes.stored_cohorts import StoredCohorts
from agents.outcomes.stored_concepts import FoundChange, StoredConcepts
from agents.outcomes.stored_timers import StoredTimers, TimerWrites
from agents.outcomes.treatment import treatment_of

if TYPE_CHECKING:
    from agents.quality.concept_watch import ConceptWatch

__all__ = ["ArrivedOutcome", "PartitionJoin", "ScoredLead", "Tally"]

LEAD, DUE = b"l", b"q"
"""First byte of the keys of leads; and of those that are due: a watermark follows, and the lead."""
AT_ONCE = 5000
"""Leads that are due, handled in one write."""

Tally = Counter[str]
"""How many outcomes, or scores, had which treatment (docs/outcomes.md)."""
Cell = tuple[Channel, int, int, int | None]
"""A cohort by numbers, which hash fast: channel, model, week and segment."""
Rows = list[tuple[Cell, CohortRow]]
"""Rows by which a lead is counted, each with its cohort."""


@dataclass(slots=True)
class _Change:
    """Changes of one write."""

    states: dict[bytes, LeadState]
    before: Mapping[bytes, Rows]
    """Rows by which the leads were counted before."""
    stored: Collection[bytes]
    """Leads that the store has."""
    handled: list[bytes] = field(default_factory=list)
    """Keys of what was due."""
    final: list[tuple[bytes, Rows]] = field(default_factory=list)
    """Leads with the rows of a score that is not kept any more, in the order in which they were
    due. The first row is that of all leads, those of segments follow."""
    of_timers: Mapping[bytes, bytes] = field(default_factory=dict)
    """Entries of the timers that are written, too."""

    def include(self, writes: TimerWrites) -> None:
        """Write what timers change, too."""
        self.of_timers = writes.puts
        self.handled += writes.deletes


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

    def can_join(self, at: int) -> bool:
        """Return whether outcomes of a score of a time may still be there.

        Where not, the score would count as a failure whatever the outcome of its lead is.
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
        change = self._load({score.lead_id for score in scores})
        for given in scores:
            model = self._cohorts.number_of(given.model)
            band = self._cohorts.number_of(given.band)
            segments = self._cohorts.segment_numbers(channel, given.segments)
            score = (given.at, given.offset, given.score, model, band)
            change.states[given.lead_id].add_score(
                Score(channel, *score, segments=segments), self._options.horizon_ms
            )
        earliest = min((score.at for score in scores), default=0)
        self.progress.read_scores(channel, first_offset, next_offset, earliest)
        if channel == 0:
            latest = max((score.at for score in scores), default=0)
            self.progress.watermark = max(self.progress.watermark, latest)
            if self.timers is not None:
                change.include(self.timers.add_scores(scores))
        self._commit(change)
        return self._handle_due()

    def add_outcomes(
        self, arrived: Sequence[ArrivedOutcome], first_offset: int, next_offset: int
    ) -> Tally:
        """Add the outcomes of consecutive records; see ``add_scores``.

        Returns
        -------
        Counter of str
            Treatments of the outcomes.
        """
        change = self._load({given.outcome.lead_id.encode() for given in arrived})
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
            state = change.states[found.lead_id.encode()]
            treatment = treatment_of(entry, state, self._options)
            tally[treatment] += 1
            if treatment != "repeated":
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
        while keys := self._due_keys():
            due = [(_time_of(key), key[9:]) for key in keys]
            change = self._load(dict.fromkeys(lead_id for _, lead_id in due))
            change.handled = keys
            last = due[-1]
            while due:  # ascending, so it is a heap
                at, lead_id = heappop(due)
                self._handle(lead_id, at, change, tally)
                state = change.states[lead_id]
                if state.is_empty:
                    continue
                following = due_at(state, self._options), lead_id
                if at < following[0] and following <= last:
                    heappush(due, following)
            self._commit(change)
        return tally

    def _due_keys(self) -> list[bytes]:
        watermark = self.progress.watermark
        if watermark < self.progress.next_due:
            return []
        found = self._store.scan(DUE, _due_key(watermark + 1, b""), AT_ONCE)
        if not found:
            rest = self._store.scan(DUE, DUE + b"\xff" * 8, 1)
            self.progress.next_due = _time_of(rest[0][0]) if rest else watermark + 1
        return [key for key, _ in found]

    def _handle(self, lead_id: bytes, at: int, change: _Change, tally: Tally) -> None:
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
            change.final += [(lead_id, self._rows_of(e)) for e in found if e.score in over]
            change.states[lead_id] = left_without(state, over, at, self._options)

    # Reading and writing

    def _load(self, lead_ids: Iterable[bytes]) -> _Change:
        ids = list(lead_ids)
        values = self._store.get([LEAD + lead_id for lead_id in ids]) if ids else []
        states = dict(zip(ids, map(LeadState.of_bytes, values), strict=True))
        before = {lead_id: self._rows(state) for lead_id, state in states.items()}
        stored = {one for one, value in zip(ids, values, strict=True) if value is not None}
        return _Change(states, before, stored)

    def _commit(self, change: _Change) -> None:
        puts = dict(change.of_timers)
        deletes = list(change.handled)
        for lead_id, state in change.states.items():
            if not state.is_empty:
                puts[LEAD + lead_id] = state.to_bytes()
                due = due_at(state, self._options)
                self.progress.next_due = min(self.progress.next_due, due)
                puts[_due_key(due, lead_id)] = b""
            elif lead_id in change.stored:
                deletes.append(LEAD + lead_id)
        deletes += self._cohorts.forget_before(self.first_reported_week)
        puts |= self._cohorts.apply(self._deltas(change))
        if self._concepts and change.final:
            of_all = (rows[0] for _, rows in change.final)
            puts |= self._concepts.apply((self._cohort(cell), row) for cell, row in of_all)
        puts |= self.progress.entry()
        if self.timers is not None:
            puts |= self.timers.mark(self.progress)
        self._store.write(puts, deletes)

    def _deltas(self, change: _Change) -> Mapping[CohortKey, CohortRows]:
        final: dict[bytes, Rows] = {}
        for lead_id, rows in change.final:
            final.setdefault(lead_id, []).extend(rows)
        deltas: defaultdict[Cell, CohortRows] = defaultdict(Counter)
        for lead_id, state in change.states.items():
            now = self._rows(state) + final.get(lead_id, [])
            before = change.before[lead_id]
            if now == before:  # such as a lead that is dropped
                continue
            for cell, row in now:
                deltas[cell][row] += 1
            for cell, row in before:
                deltas[cell][row] -= 1
        return {self._cohort(cell): rows for cell, rows in deltas.items()}

    def _rows(self, state: LeadState) -> Rows:
        return [row for e in examples(state, self._options) for row in self._rows_of(e)]

    def _rows_of(self, example: Example) -> Rows:
        """Return what a score counts for: its model and week, and its segments of them."""
        score, kind, outcome = example.score, example.kind, example.outcome
        band = self._cohorts.band(score.band)
        if kind is None or outcome is None or not outcome.money:
            row = CohortRow(score.score, kind, band)
        else:
            row = CohortRow(score.score, kind, band, outcome.money, outcome.currency)
        at = score.channel, score.model, week_of(score.at)
        rows: Rows = [((*at, None), row)]
        if score.segments:
            rows += [((*at, segment), row) for segment in score.segments]
        return rows

    def _cohort(self, cell: Cell) -> CohortKey:
        channel, model, week, segment = cell
        named = None if segment is None else self._cohorts.segment(segment)
        return CohortKey(channel, self._cohorts.model(model), week, named)


def _due_key(at: int, lead_id: bytes) -> bytes:
    return DUE + max(0, at).to_bytes(8, "big") + lead_id


def _time_of(due_key: bytes) -> int:
    return int.from_bytes(due_key[1:9], "big")
