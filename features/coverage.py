"""How much of what a model reads a lead has, compared with the training leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["NO_IMPORTANCE", "CoverageRule", "Covered", "TypicalLead", "typical_lead"]

SHARE_STEPS = 2**20
COMMON = 0.1
"""Nine in ten training leads have at least what is called typical."""
NO_IMPORTANCE: Mapping[str, float] = {}


class TypicalLead(BaseModel):
    """The fields that nine in ten training leads have, at least."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: Annotated[int, Field(ge=1)]
    """Number of fields that are present."""
    importance: Annotated[float, Field(ge=0, le=1)]
    """The share of the importance of all fields that those have."""


class Covered(NamedTuple):
    """How much of a model's fields leads have, each 0 to 1, float32, shape (n,).

    Attributes
    ----------
    coverage
        The number of fields that are present, as a share of a typical training lead's.
    known
        The same of the importance that the fields present have.
    """

    coverage: NDArray[np.float32]
    known: NDArray[np.float32]


class CoverageRule:
    """Computes the coverage of leads; a lead's is the same to the bit alone and in a batch.

    Parameters
    ----------
    names
        The model's fields.
    importance
        Importance of each field; empty where none is known: all fields are as important then.
    typical
        What a typical training lead has. None, in models that do not have it: all fields.
    """

    def __init__(
        self,
        names: Sequence[str],
        importance: Mapping[str, float] = NO_IMPORTANCE,
        typical: TypicalLead | None = None,
    ) -> None:
        self._importance = _exact_shares([importance.get(name, 0.0) for name in names])
        self._fields = np.float32(len(names) if typical is None else typical.fields)
        self._known = np.float32(1.0 if typical is None else typical.importance)

    def of(self, is_present: NDArray[np.bool_]) -> Covered:
        """Compute the coverage of leads.

        Parameters
        ----------
        is_present
            bool, shape (n, fields).
        """
        present = np.count_nonzero(is_present, axis=1).astype(np.float32)
        coverage = np.minimum(present / self._fields, np.float32(1))
        if self._importance is None:
            return Covered(coverage, coverage)
        if not self._known:
            return Covered(coverage, np.ones_like(coverage))
        known = np.minimum(is_present @ self._importance / self._known, np.float32(1))
        return Covered(coverage, known)


def typical_lead(
    names: Sequence[str], importance: Mapping[str, float], is_present: NDArray[np.bool_]
) -> TypicalLead:
    """Return what nine in ten training leads have, at least; one field where they have none.

    In sparse data no lead has all fields. A lead that has as much as most training leads is not
    one of which little is known. A low quantile is taken and not the mean, as a field that half of
    the leads have may carry most of the importance: then half of the training leads would be far
    below the mean.

    Parameters
    ----------
    names, importance
        As of ``CoverageRule``.
    is_present
        Whether each training lead has each field: bool, shape (n, fields).
    """
    present = np.count_nonzero(is_present, axis=1)
    known = CoverageRule(names, importance).of(is_present).known
    fields = int(np.quantile(present, COMMON, method="lower"))
    return TypicalLead(
        fields=max(1, fields), importance=float(np.quantile(known, COMMON, method="lower"))
    )


def _exact_shares(weights: Sequence[float]) -> NDArray[np.float32] | None:
    """Return shares that add up to 1, in steps of 2^-20: float32 adds them up exactly.

    So a lead's sum is the same alone and in a batch. None where no weight is above 0.
    """
    given = np.array(weights)
    if not given.any():
        return None
    steps = np.round(given / given.sum() * SHARE_STEPS)
    steps[steps.argmax()] += SHARE_STEPS - steps.sum()
    shares: NDArray[np.float32] = (steps / SHARE_STEPS).astype(np.float32)
    return shares
