"""Leads with their score and what is known of their outcome, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["MONEY_UNIT", "NEGATIVE", "POSITIVE", "UNKNOWN", "ScoredOutcomes"]

POSITIVE, NEGATIVE, UNKNOWN = 1, 0, -1
"""Outcome of a lead: converted; not converted within the horizon; not known yet."""
MONEY_UNIT = 10_000
"""Money is counted in ten-thousandths of a currency, as whole numbers: no currency of ISO 4217 has
a smaller unit."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredOutcomes:
    """Leads of one model, each with its score and outcome.

    Attributes
    ----------
    scores
        Floats in 0 to 1, shape (n,).
    outcomes
        int8, shape (n,): ``POSITIVE``, ``NEGATIVE`` or ``UNKNOWN``.
    bands
        Names of the n leads' bands, such as High; empty: not known of any lead.
    amounts
        int64, shape (n,): what each lead was worth, in units of 1/``MONEY_UNIT``; 0: nothing known.
        An empty array: not known of any lead.
    currencies
        Codes of the n amounts' currencies, such as EUR; that of an amount of 0 does not matter.
    """

    scores: NDArray[np.floating]
    outcomes: NDArray[np.int8]
    bands: Sequence[str] = ()
    amounts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    currencies: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check that the columns fit.

        Raises
        ------
        ValueError
            They differ in length, or an outcome is none of the three.
        """
        leads = len(self.scores)
        lengths = {len(self.outcomes), len(self.bands) or leads, len(self.amounts) or leads}
        if lengths | {leads} != {leads} or len(self.currencies) != len(self.amounts):
            raise ValueError(
                f"expected outcomes, bands, amounts and currencies of {leads} leads, got "
                f"{len(self.outcomes)}, {len(self.bands)}, {len(self.amounts)} and "
                f"{len(self.currencies)}"
            )
        if not np.isin(self.outcomes, (POSITIVE, NEGATIVE, UNKNOWN)).all():
            raise ValueError("expected outcomes of 1, 0 or -1, got others")

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> ScoredOutcomes:
        """Return some of the leads."""
        places = np.arange(len(self))[rows].tolist()
        return ScoredOutcomes(
            self.scores[rows],
            self.outcomes[rows],
            [self.bands[i] for i in places] if self.bands else (),
            self.amounts[rows] if len(self.amounts) else self.amounts,
            [self.currencies[i] for i in places] if len(self.currencies) else (),
        )
