"""The comparison over the leads of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.comparison.report import Comparison
from agents.offline import FileLeads
from features.matrix import Columns
from features.table import Table
from model.bundle import Bundle
from stream.comparison.assembly import ComparedLeads, assemble, whole_days
from stream.comparison.live_scores import LiveScores
from stream.comparison.models import ModelScores, score_columns
from stream.comparison.outcomes import OutcomeColumn, outcomes_by_row
from stream.comparison.request import Request
from stream.comparison.score_values import ScoredSide
from stream.comparison.segment_fields import field_of_table

__all__ = ["FileSource", "JoinedOutcomes", "compare_file", "wanted_by_id"]


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file of leads.

    Attributes
    ----------
    table
        The file.
    target
        Its column of outcomes; None: it has none.
    before, after
        Its leads as each model reads them; ``before`` is None for the live scores.
    """

    table: Table
    target: OutcomeColumn | None
    before: FileLeads | None
    after: FileLeads


@dataclass(frozen=True, slots=True)
class JoinedOutcomes:
    """The outcomes of the topic of outcomes.

    Attributes
    ----------
    join
        Returns the outcomes of leads, given their ids and when they were created, float64,
        milliseconds since 1970, NaN where unknown.
    notes
        Sentences that limit what they say.
    """

    join: Callable[[Sequence[str], NDArray[np.float64]], Outcomes]
    notes: Sequence[str]


def compare_file(
    request: Request,
    source: FileSource,
    live: LiveScores | None = None,
    joined: JoinedOutcomes | None = None,
) -> Comparison:
    """Compare the scores of the leads of a file.

    Parameters
    ----------
    request
        What to compare.
    source
        The leads.
    live
        The live scores of the rows, where they are one side.
    joined
        The outcomes of the topic, where they are asked for.

    Raises
    ------
    FatalError
        No lead has both scores.
    InputError
        The file lacks a column, or its outcomes can't be read.
    """
    rows = _sampled(source.after.total, request)
    after = _scored(request.after, source.after, rows)
    if request.before is not None and source.before is not None:
        before = _scored(request.before, source.before, rows).side
    else:
        assert live is not None
        before = _taken(live.side, rows)
    ids = dict(zip(source.after.rows.tolist(), source.after.ids, strict=True))
    table = source.table
    return assemble(
        request,
        ComparedLeads(
            where=f"leads of {table.source}",
            found=source.after.total,
            sampled=len(rows),
            days=_days(source.after),
            place=lambda row: f"row {rows[row] + 1}",
            lead_id=lambda row: ids[int(rows[row])],
            field=lambda name, chosen: field_of_table(name, request.after, table, rows[chosen]),
            sha256=table.sha256,
            outcomes=_outcomes_of(source, ids, joined, rows),
            outcome_notes=joined.notes if joined else (),
        ),
        before,
        after,
    )


def _outcomes_of(
    source: FileSource,
    ids: Mapping[int, str],
    joined: JoinedOutcomes | None,
    rows: NDArray[np.int64],
) -> Callable[[NDArray[np.int64]], Outcomes] | None:
    if joined is not None:
        return _joiner(source.after, ids, joined, rows)
    if source.target is None:
        return None
    return _reader_of(source.table, source.target, rows)


def _joiner(
    leads: FileLeads, ids: Mapping[int, str], joined: JoinedOutcomes, rows: NDArray[np.int64]
) -> Callable[[NDArray[np.int64]], Outcomes]:
    times = np.full(leads.total, np.nan)
    times[leads.rows] = leads.created_at

    def join(chosen: NDArray[np.int64]) -> Outcomes:
        at = rows[chosen]
        return joined.join([ids[row] for row in at.tolist()], times[at])

    return join


def wanted_by_id(leads: FileLeads) -> dict[str, list[int]]:
    """Return the rows of a file by the leads' ids, to join live scores with."""
    wanted: dict[str, list[int]] = {}
    for row, lead_id in zip(leads.rows.tolist(), leads.ids, strict=True):
        wanted.setdefault(lead_id, []).append(row)
    return wanted


def _reader_of(
    table: Table, target: OutcomeColumn, rows: NDArray[np.int64]
) -> Callable[[NDArray[np.int64]], Outcomes]:
    return lambda chosen: outcomes_by_row(table, target).take(rows[chosen])


def _sampled(total: int, request: Request) -> NDArray[np.int64]:
    if total <= request.sample:
        return np.arange(total)
    random = np.random.default_rng(request.seed)
    return np.sort(random.choice(total, request.sample, replace=False))


def _scored(bundle: Bundle, leads: FileLeads, rows: NDArray[np.int64]) -> ModelScores:
    """Score the sampled leads; their place among the sample is their index."""
    is_chosen = np.isin(leads.rows, rows)
    places = np.searchsorted(rows, leads.rows[is_chosen])
    return score_columns(bundle, _columns(leads.columns, is_chosen), places, len(rows))


def _columns(columns: Columns, is_chosen: NDArray[np.bool_]) -> Columns:
    chosen = np.flatnonzero(is_chosen).tolist()
    return {
        name: values[is_chosen]
        if isinstance(values, np.ndarray)
        else [values[row] for row in chosen]
        for name, values in columns.items()
    }


def _taken(side: ScoredSide, rows: NDArray[np.int64]) -> ScoredSide:
    return ScoredSide(side.name, [side.values[row] for row in rows.tolist()])


def _days(leads: FileLeads) -> float | None:
    known = leads.created_at[~np.isnan(leads.created_at)]
    return whole_days(float(known.min()), float(known.max())) if len(known) else None
