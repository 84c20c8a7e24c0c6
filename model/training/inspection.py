"""Find leaks: columns that hold what is known only after the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from features.binning import quantile_edges
from features.column_name import name_words
from features.field_spec import Aspect
from features.levels import level_codes
from features.spec import CREATED_AT
from model.training.evaluate import roc_auc
from model.training.folds import FOLDS, folds
from model.training.presence import OneOutcome, one_outcome_columns
from model.training.specify import Leads, encode, fit_spec
from schemas.fields import FieldKind

__all__ = [
    "TOO_GOOD_ALTOGETHER",
    "TOO_GOOD_AUC",
    "Alone",
    "Inspection",
    "Leak",
    "answer_warnings",
    "auc_alone",
    "inspect_columns",
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

Codes = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Alone:
    """Predictive power of a column alone.

    Attributes
    ----------
    column
        Its name in the file.
    auc
        Out of fold, as ``auc_alone`` measures it.
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
        """The warning, with the option that leaves the column out."""
        return (
            f"{self.column} may leak: {self.reason}. If it is not known when a lead is scored, "
            f"leave it out: --exclude {quote(self.column)}"
        )


@dataclass(frozen=True, slots=True)
class Inspection:
    """Result of an inspection of the columns.

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
        Seed of the folds.
    """
    all_alone = {
        name: Alone(
            originals[name],
            auc_alone(leads, name, seed),
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
        AUC on leads that the model has not seen.
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


def auc_alone(leads: Leads, name: str, seed: int) -> float:
    """Measure how well a column predicts alone.

    Each lead's score is the share of positives among the leads of other folds that have its bin (of
    20, by quantiles) or its level: so shape and direction don't matter, and rare levels don't
    flatter. A date or a text predicts as well as the best of what the model reads of it: a part of
    the date; the length, the number of words, or all keywords of the text, whose shares are added.

    Parameters
    ----------
    leads
        The training leads; those of a group are in one fold.
    name
        The field.
    seed
        Seed of the folds.
    """
    kind, values = leads.kinds[name], leads.columns[name]
    if kind in (FieldKind.NUMBER, FieldKind.CATEGORY):
        codes = level_codes(values.tolist()) if kind is FieldKind.CATEGORY else _bins(values)
        return _auc_of([codes], leads, seed)
    spec = fit_spec(leads.without(leads.kinds.keys() - {name, CREATED_AT}))  # ages need both
    matrix = encode(spec, leads).astype(np.float64)
    codes_of: dict[Aspect, list[Codes]] = {}
    for field, columns in spec.slices():
        if field.name == name:
            for aspect, column in zip(field.aspects, matrix[:, columns].T, strict=True):
                codes_of.setdefault(aspect, []).append(_bins(column))
    return max((_auc_of(codes, leads, seed) for codes in codes_of.values()), default=0.5)


def _auc_of(codes: Sequence[Codes], leads: Leads, seed: int) -> float:
    """Return the AUC of the shares of positives of one code, or added up of several."""
    labels = leads.labels
    scores = np.zeros(len(labels))
    for training, own in folds(labels, FOLDS, seed, leads.groups):
        rate = labels[training].mean()
        for code in codes:
            size = int(code.max()) + 1
            counts = np.bincount(code[training], minlength=size)
            positives = np.bincount(code[training], weights=labels[training], minlength=size)
            shares = (positives + PRIOR_LEADS * rate) / (counts + PRIOR_LEADS)
            # Against the fold's rate, as folds are ranked together.
            scores[own] += shares[code[own]] - rate
    return roc_auc(labels, scores)


def _bins(values: NDArray[np.float64]) -> Codes:
    """Return the bin of each number, of 20 by quantiles; missing is the last."""
    edges = quantile_edges(values[~np.isnan(values)])
    return np.array([*edges, np.nan]).searchsorted(values, side="right")
