"""Signs that a column knows what it should not: leaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from features.binning import quantile_edges
from features.infer import name_words
from features.spec import normalise_level
from model.evaluate import roc_auc
from model.specify import Leads
from model.target_encoding import folds
from schemas.fields import FieldKind

__all__ = ["TOO_GOOD_AUC", "Leak", "find_leaks", "single_column_auc"]

TOO_GOOD_AUC = 0.80
"""Honest columns of a lead alone seldom reach it."""
AFTERWARDS = frozenset(
    {
        *("duration", "outcome", "result", "closed", "close", "won", "lost", "disposition"),
        *("converted", "conversion", "purchased", "paid", "payment", "invoice", "invoiced"),
        *("signed", "churned", "cancelled", "canceled"),
    }
)
"""Words in the name of a column that is often filled in only when all is over."""
PRIOR_LEADS = 10
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that may hold what is known only afterwards.

    Attributes
    ----------
    column
        Its name in the file.
    auc
        What it predicts alone.
    reason
        What makes it suspicious.
    """

    column: str
    auc: float
    reason: str

    @property
    def sentence(self) -> str:
        """What to tell people."""
        return (
            f"{self.column} may leak: {self.reason}. If it is not known when a lead is scored, "
            f"leave it out: --exclude {quote(self.column)}"
        )


def find_leaks(leads: Leads, originals: Mapping[str, str], seed: int) -> list[Leak]:
    """Look for columns that predict too well alone, or whose name suggests later knowledge.

    Parameters
    ----------
    leads
        The training leads.
    originals
        The fields' names in the file.
    seed
        Of the folds.

    Returns
    -------
    list of Leak
        The strongest first.
    """
    leaks = []
    for name, kind in leads.kinds.items():
        auc = single_column_auc(leads.columns[name], kind, leads.labels, seed)
        later = sorted(name_words(originals[name]) & AFTERWARDS)
        if auc >= TOO_GOOD_AUC:
            leaks.append(Leak(originals[name], auc, f"alone it predicts with an AUC of {auc:.3f}"))
        elif later:
            reason = f"its name ({later[0]}) suggests something that is known only afterwards"
            leaks.append(Leak(originals[name], auc, reason))
    return sorted(leaks, key=lambda leak: (-leak.auc, leak.column))


def single_column_auc(
    values: NDArray[np.generic], kind: FieldKind, labels: NDArray[np.bool_], seed: int
) -> float:
    """Measure how well a column predicts alone.

    Each lead's score is the share of positives in its bin (of 20, by quantiles) or of its level,
    among the leads of other folds: so shape and direction don't matter, and rare levels don't
    flatter.

    Parameters
    ----------
    values
        The column: float64, or object (str or None); of a text its length is taken.
    kind
        What it is.
    labels
        bool, the same length.
    seed
        Of the folds.
    """
    codes = _codes(values, kind)
    size = int(codes.max()) + 1
    scores = np.empty(len(labels))
    for training, own in folds(labels, FOLDS, seed):
        rate = labels[training].mean()
        counts = np.bincount(codes[training], minlength=size)
        positives = np.bincount(codes[training], weights=labels[training], minlength=size)
        shares = (positives + PRIOR_LEADS * rate) / (counts + PRIOR_LEADS)
        # Against the fold's rate, as folds are ranked together.
        scores[own] = shares[codes[own]] - rate
    return roc_auc(labels, scores)


def _codes(values: NDArray[np.generic], kind: FieldKind) -> NDArray[np.intp]:
    if kind is FieldKind.CATEGORY:
        levels = [normalise_level(value) or "" if value else "" for value in values.tolist()]
        return np.unique(np.array(levels, dtype=object), return_inverse=True)[1]
    if kind is FieldKind.TEXT:
        lengths = [float(len(text)) if text else np.nan for text in values.tolist()]
        numbers = np.array(lengths, dtype=np.float64)
    else:
        numbers = np.asarray(values, dtype=np.float64)
    edges = quantile_edges(numbers[~np.isnan(numbers)])
    return np.array([*edges, np.nan]).searchsorted(numbers, side="right")
