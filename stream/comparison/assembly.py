"""The comparison of two scored sides, wherever the leads come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.comparison.movers import Mover, biggest_movers
from agents.comparison.outcomes import Outcomes
from agents.comparison.report import Comparison, Counts, Subject, compare
from agents.comparison.segments import SegmentedField
from schemas.errors import FatalError
from stream.comparison.models import ModelScores, name_of
from stream.comparison.outcomes import outcomes_by_id
from stream.comparison.request import OutcomeFile, Request
from stream.comparison.score_values import EventReader, PairedRows, ScoredSide, pair_sides
from stream.comparison.segment_fields import fields_of_model

__all__ = ["ComparedLeads", "assemble", "whole_days"]

DAY_MS = 86_400_000
SEEN_IN_TRAINING = (
    "Outcomes of leads that a model was trained on make that model look better than it is: judge by"
    " leads that neither model has seen."
)


@dataclass(frozen=True, slots=True)
class ComparedLeads:
    """The leads of a comparison, n of them sampled, and how to find more about them.

    Attributes
    ----------
    where
        Where they come from, in words.
    found, sampled
        Number of leads, and of those that were scored.
    days
        Length of their range in days; None where it is unknown or less than a day.
    place
        Returns where a lead is, given its index.
    lead_id
        Returns its id.
    field
        Returns the segments of leads by a field that the candidate does not have.
    outcomes
        Returns outcomes of leads; None where there are none beside the leads, or in the topic.
    outcome_notes
        Sentences that limit what these outcomes say.
    sha256
        Hash of their file; None for a topic.
    """

    where: str
    found: int
    sampled: int
    days: float | None
    place: Callable[[int], str]
    lead_id: Callable[[int], str]
    field: Callable[[str, NDArray[np.int64]], SegmentedField]
    outcomes: Callable[[NDArray[np.int64]], Outcomes] | None = None
    outcome_notes: Sequence[str] = ()
    sha256: str | None = None


def whole_days(start_ms: float, end_ms: float) -> float | None:
    """Return the length of a range in days; None where it is unknown or less than a day."""
    days = (end_ms - start_ms) / DAY_MS
    return days if days >= 1 else None


def assemble(
    request: Request, leads: ComparedLeads, before: ScoredSide, after: ModelScores
) -> Comparison:
    """Compute the comparison of both sides.

    Raises
    ------
    FatalError
        No lead has both scores.
    InputError
        The leads lack a field, or the outcomes can't be read.
    """
    paired = pair_sides(before, after.side)
    rows = paired.rows
    if not len(rows):
        raise FatalError(
            f"expected leads that both {before.name} and {after.side.name} score, but of"
            f" {leads.found:,} {leads.where} there is none: give another range or file"
        )
    outcomes = _outcomes(request, leads, rows)
    return compare(
        Subject(before.name, after.side.name, leads.where),
        Counts(
            found=leads.found,
            sampled=leads.sampled,
            compared=len(rows),
            only_before=paired.only_before,
            only_after=paired.only_after,
            neither=paired.neither,
        ),
        leads.days,
        paired.pair,
        _movers(request, leads, paired, before, after.side),
        _fields(request, leads, rows, after),
        outcomes=outcomes,
        is_chosen=bool(request.fields),
        notes=_notes(request, leads, paired, outcomes),
    )


def _movers(
    request: Request,
    leads: ComparedLeads,
    paired: PairedRows,
    before: ScoredSide,
    after: ScoredSide,
) -> list[Mover]:
    reader = EventReader()
    return [
        Mover(
            place=leads.place(row),
            lead_id=leads.lead_id(row) if request.has_ids else None,
            before=reader.scored(before.values[row]),
            after=reader.scored(after.values[row]),
        )
        for row in paired.rows[biggest_movers(paired.pair, request.movers)].tolist()
    ]


def _fields(
    request: Request, leads: ComparedLeads, rows: NDArray[np.int64], after: ModelScores
) -> list[SegmentedField]:
    known = fields_of_model(request.after, after.bins, rows)
    if not request.fields:
        return list(known.values())
    return [known[name] if name in known else leads.field(name, rows) for name in request.fields]


def _outcomes(request: Request, leads: ComparedLeads, rows: NDArray[np.int64]) -> Outcomes | None:
    if isinstance(given := request.outcomes, OutcomeFile):
        ids = [leads.lead_id(row) for row in rows.tolist()]
        return outcomes_by_id(given.table, given.column, given.id_column, ids)
    return leads.outcomes(rows) if leads.outcomes else None


def _notes(
    request: Request, leads: ComparedLeads, paired: PairedRows, outcomes: Outcomes | None
) -> Sequence[str]:
    notes = []
    if leads.sampled < leads.found:
        notes.append(
            f"{leads.sampled:,} of {leads.found:,} leads were scored, a uniform sample: numbers of"
            " leads are extrapolated, ± is the 95 % interval of that."
        )
    if paired.only_before:
        notes.append(
            "Leads with a score now that would be dead letters with the candidate:"
            f" {paired.only_before:,}. They are in no other figure."
        )
    if paired.only_after and request.before is None:
        notes.append(
            f"Leads without a live score: {paired.only_after:,} (not scored yet, a dead letter, or"
            " the scored event has expired or is unreadable). They are in no other figure."
        )
    elif paired.only_after:
        notes.append(
            "Leads that are dead letters now and would have a score with the candidate:"
            f" {paired.only_after:,}. They are in no other figure."
        )
    if paired.neither:
        notes.append(f"Leads without a score on either side: {paired.neither:,}.")
    notes += leads.outcome_notes
    if outcomes is not None:
        notes += _on_outcomes(request, leads, outcomes)
    return notes


def _on_outcomes(request: Request, leads: ComparedLeads, outcomes: Outcomes) -> list[str]:
    known = f"Compared leads with a known outcome: {int(outcomes.known.sum()):,}."
    if not outcomes.has_both_kinds:
        return [f"{known} They are not of both kinds, so the quality of the scores is unknown."]
    return [known, _on_training_data(request, leads)]


def _on_training_data(request: Request, leads: ComparedLeads) -> str:
    models = (model for model in (request.before, request.after) if model is not None)
    trained = [name_of(m) for m in models if m.metadata.training.data_sha256 == leads.sha256]
    if not trained:
        return SEEN_IN_TRAINING
    return (
        f"Trained on this very file: {', '.join(trained)}. The outcomes make it look better"
        " than it is. Judge by leads that neither model has seen."
    )
