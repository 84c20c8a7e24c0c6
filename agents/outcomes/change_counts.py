"""How a change of leads changes the counts by cohort."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from operator import itemgetter

from agents.outcomes.change import Change, Rows
from agents.outcomes.cohorts import CohortKey, CohortLeads, CohortRow, CohortRows
from agents.outcomes.kinds import OutcomeKind
from agents.outcomes.lead_state import Example, JoinOptions, LeadState, examples, week_of
from agents.outcomes.plain_leads import Cell, by_cell
from agents.outcomes.stored_cohorts import StoredCohorts
from agents.outcomes.stored_concepts import FinalLead

__all__ = ["ChangeCounts"]


class ChangeCounts:
    """Counts what changes.

    Parameters
    ----------
    names
        Names of bands, models and segments, by number.
    options
        Which outcomes count for a score.
    """

    def __init__(self, names: StoredCohorts, options: JoinOptions) -> None:
        self._names = names
        self._options = options

    def rows(self, state: LeadState) -> Rows:
        """Return the rows by which a lead is counted."""
        return [row for e in examples(state, self._options) for row in self.rows_of(e)]

    def rows_of(self, example: Example) -> Rows:
        """Return what a score counts for: its model and week, and its segments of them."""
        score, kind, outcome = example.score, example.kind, example.outcome
        band = self._names.band(score.band)
        if kind is None or outcome is None or not outcome.money:
            row = CohortRow(score.score, kind, band)
        else:
            row = CohortRow(score.score, kind, band, outcome.money, outcome.currency)
        at = score.channel, score.model, week_of(score.at)
        rows: Rows = [((*at, None), row)]
        if score.segments:
            rows += [((*at, segment), row) for segment in score.segments]
        return rows

    def deltas(self, change: Change) -> Mapping[CohortKey, CohortRows]:
        """Return the rows of leads that are no plain ones."""
        final: dict[bytes, Rows] = {}
        for _, lead_id, rows in change.final:
            final.setdefault(lead_id, []).extend(rows)
        deltas: defaultdict[Cell, CohortRows] = defaultdict(Counter)
        for lead_id, state in change.states.items():
            now = self.rows(state) + final.get(lead_id, [])
            before = change.before[lead_id]
            if now == before:  # such as a lead that is dropped
                continue
            for cell, row in now:
                deltas[cell][row] += 1
            for cell, row in before:
                deltas[cell][row] -= 1
        return {self._cohort(cell): rows for cell, rows in deltas.items()}

    def columns(self, change: Change) -> Iterator[CohortLeads]:
        """Yield the plain leads of each cohort."""
        for leads, is_known, sign in change.counted:
            columns = leads.scored_outcomes(self._names.names, is_known=is_known)
            for cell, rows in by_cell(leads):
                yield CohortLeads(self._cohort(cell), columns.take(rows), sign)

    def final(self, change: Change) -> list[FinalLead]:
        """Return the scores that no outcome can change any more, in order."""
        found = [*self._final_rows(change), *self._final_columns(change)]
        return sorted(found, key=itemgetter(0, 1))

    def _final_rows(self, change: Change) -> Iterator[FinalLead]:
        for at, lead_id, rows in change.final:
            cell, row = rows[0]
            is_positive = row.kind is OutcomeKind.POSITIVE
            yield FinalLead(at, lead_id, self._cohort(cell), row.score, is_positive)

    def _final_columns(self, change: Change) -> Iterator[FinalLead]:
        for leads, times in change.dropped:
            at, scores = times.tolist(), leads.states["score"].tolist()
            positive = leads.are_positive().tolist()
            for cell, rows in by_cell(leads):
                if cell[3] is not None:
                    continue
                key = self._cohort(cell)
                for row in rows.tolist():
                    yield FinalLead(at[row], leads.lead_ids[row], key, scores[row], positive[row])

    def _cohort(self, cell: Cell) -> CohortKey:
        channel, model, week, segment = cell
        named = None if segment is None else self._names.segment(segment)
        return CohortKey(channel, self._names.model(model), week, named)
