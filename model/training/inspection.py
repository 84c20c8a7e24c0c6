"""Signs that a column knows what it should not: leaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from features.binning import quantile_edges
from features.infer import name_words
from features.spec import CREATED_AT, normalise_level
from model.training.date_parts import part_values
from model.training.evaluate import roc_auc
from model.training.folds import FOLDS, folds
from model.training.presence import OneOutcome, one_outcome_columns
from model.training.specify import Leads
from schemas.fields import FieldKind

__all__ = [
    "TOO_GOOD_ALTOGETHER",
    "TOO_GOOD_AUC",
    "Alone",
    "Inspection",
    "Leak",
    "answer_warnings",
    "inspect_columns",
    "single_column_auc",
]

TOO_GOOD_AUC = 0.80
"""Honest columns of a lead alone seldom reach it."""
TOO_GOOD_ALTOGETHER = 0.98
"""Nor do all honest columns together reach this."""
STRONGEST = 10
"""How many columns the report lists with what each predicts alone."""
SUSPECTS = 3
"""How many of them the warning about all columns together names."""
AFTERWARDS = frozenset(
    {
        *("duration", "outcome", "result", "closed", "close", "won", "lost", "disposition"),
        *("converted", "conversion", "purchased", "paid", "payment", "invoice", "invoiced"),
        *("signed", "churned", "cancelled", "canceled"),
    }
)
"""Words in the name of a column that is often filled in only when all is over. They are a hint and
no verdict: honest columns have them too (the duration of a visit, what was purchased before)."""
PRIOR_LEADS = 10


@dataclass(frozen=True, slots=True)
class Alone:
    """What a column predicts alone.

    Attributes
    ----------
    column
        Its name in the file.
    auc
        Out of fold, as ``single_column_auc`` measures it.
    hint
        A word of its name that suggests later knowledge; None where there is none.
    """

    column: str
    auc: float
    hint: str | None = None


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


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an inspection of the columns finds.

    Attributes
    ----------
    leaks
        Columns that may hold what is known only afterwards, the strongest first.
    strongest
        The ten columns that predict best alone, suspicious or not, the strongest first.
    """

    leaks: tuple[Leak, ...]
    strongest: tuple[Alone, ...]


def inspect_columns(leads: Leads, originals: Mapping[str, str], seed: int) -> Inspection:
    """Look for columns that predict too well alone, or are there for one outcome only.

    Parameters
    ----------
    leads
        The training leads.
    originals
        The fields' names in the file.
    seed
        Of the folds.
    """
    all_alone = {
        name: Alone(
            originals[name],
            _auc_alone(leads, name, kind, seed),
            min(name_words(originals[name]) & AFTERWARDS, default=None),
        )
        for name, kind in leads.kinds.items()
    }
    presence = one_outcome_columns(leads.independent)
    found = [
        _leak(alone, [part for part in presence if part.column == name])
        for name, alone in all_alone.items()
    ]
    leaks = [leak for leak in found if leak is not None]
    return Inspection(
        leaks=tuple(sorted(leaks, key=_strength)),
        strongest=tuple(sorted(all_alone.values(), key=_strength)[:STRONGEST]),
    )


def _strength(column: Leak | Alone) -> tuple[float, str]:
    return -column.auc, column.column


def _leak(alone: Alone, presence: Iterable[OneOutcome]) -> Leak | None:
    """Return what makes a column suspicious; its name alone does not."""
    reasons = [part.reason for part in presence]
    if alone.auc >= TOO_GOOD_AUC:
        reasons.insert(0, f"alone it predicts with an AUC of {alone.auc:.3f}")
    if not reasons:
        return None
    if alone.hint is not None:
        reasons.append(f"its name ({alone.hint}) suggests something that is known only afterwards")
    return Leak(alone.column, alone.auc, "; ".join(reasons))


def answer_warnings(auc: float, strongest: Sequence[Alone]) -> list[str]:
    """Return a warning where all columns together predict better than honest ones can.

    Parameters
    ----------
    auc
        Of leads that the model has not seen.
    strongest
        The columns that predict best alone.
    """
    if auc <= TOO_GOOD_ALTOGETHER:
        return []
    suspects = ", ".join(f"{alone.column} ({alone.auc:.3f})" for alone in strongest[:SUSPECTS])
    return [
        f"Something knows the answer: the AUC is {auc:.4f} on leads that the model has not seen, "
        f"above {TOO_GOOD_ALTOGETHER}. Alone, these columns predict best: {suspects}. Leave out "
        "what is not known when a lead is scored: --exclude COLUMN"
    ]


def _auc_alone(leads: Leads, name: str, kind: FieldKind, seed: int) -> float:
    """Return a column's AUC; of a date, that of its best part, as the model never sees the date."""
    if kind is not FieldKind.DATE:
        return single_column_auc(leads.columns[name], kind, leads.labels, seed, leads.groups)
    parts = part_values(leads.columns[name], leads.dates[name], leads.columns.get(CREATED_AT))
    aucs = [single_column_auc(part, kind, leads.labels, seed, leads.groups) for part in parts]
    return max(aucs, default=0.5)


def single_column_auc(
    values: NDArray[np.generic],
    kind: FieldKind,
    labels: NDArray[np.bool_],
    seed: int,
    groups: NDArray[np.int64] | None = None,
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
    groups
        int64, the same length: rows with the same number are in the same fold. None: none are.
    """
    codes = _codes(values, kind)
    size = int(codes.max()) + 1
    scores = np.empty(len(labels))
    for training, own in folds(labels, FOLDS, seed, groups):
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
