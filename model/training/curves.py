"""Figures for a model's card: what scores of unseen leads are worth, by tenth and by segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.reference import Reference
from model.training.evaluate import roc_auc

__all__ = ["segment_figures", "tenths"]

TENTHS = 10
MOST_FIELDS, MOST_SEGMENTS = 5, 8
LEAST_LEADS = 30
"""Fewer leads say little about a segment."""
DIGITS = 6

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]


def tenths(labels: Labels, scores: Scores) -> list[dict[str, Any]]:
    """Return what each tenth of the leads is worth, the best-scored first.

    Parameters
    ----------
    labels
        bool, shape (n,).
    scores
        float64, shape (n,), 0 to 1: each by a model that has not seen the lead. Leads with equal
        scores may be in two tenths, in their order.

    Returns
    -------
    list of dict
        ``leads``, ``mean_score``, ``rate`` (share of positives); fewer than ten of fewer leads.
    """
    order = np.argsort(-scores, kind="stable")
    parts = np.array_split(order, min(TENTHS, len(order)))
    return [_figures(labels[rows], scores[rows]) for rows in parts]


def segment_figures(
    labels: Labels,
    scores: Scores,
    reference: Reference,
    codes: NDArray[np.integer],
    importance: Mapping[str, float],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """Return what the scores are worth in segments, by the fields of the most importance.

    Parameters
    ----------
    labels, scores
        As for ``tenths``.
    reference
        The bins of the model's fields: a segment is a bin.
    codes
        Integers, shape (n, fields): the bin of each lead, by field.
    importance
        By field, its share of all contributions.
    names
        The fields' names for people, in their order.

    Returns
    -------
    list of dict
        ``field``, ``segment``, ``leads``, ``mean_score``, ``rate``, ``auc`` (None if a segment has
        only one kind of label). Up to 8 of the largest segments of 5 fields, each of at least 30
        leads.
    """
    fields = [field.name for field in reference.fields]
    ranked = sorted(range(len(fields)), key=lambda i: -importance.get(fields[i], 0.0))
    return [
        {"field": names[i], "segment": reference.fields[i].labels[code]}
        | _figures(labels[rows], scores[rows])
        | {"auc": _auc(labels[rows], scores[rows])}
        for i in ranked[:MOST_FIELDS]
        for code, rows in _largest(codes[:, i])
    ]


def _largest(codes: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield the largest bins, in the order of the codes, with their rows."""
    found, counts = np.unique(codes, return_counts=True)
    largest = found[np.argsort(-counts, kind="stable")][:MOST_SEGMENTS]
    for code in np.sort(largest).tolist():
        rows = np.flatnonzero(codes == code)
        if len(rows) >= LEAST_LEADS:
            yield code, rows


def _figures(labels: Labels, scores: Scores) -> dict[str, Any]:
    return {
        "leads": len(labels),
        "mean_score": round(float(scores.mean()), DIGITS),
        "rate": round(float(labels.mean()), DIGITS),
    }


def _auc(labels: Labels, scores: Scores) -> float | None:
    return None if labels.all() or not labels.any() else round(roc_auc(labels, scores), DIGITS)
