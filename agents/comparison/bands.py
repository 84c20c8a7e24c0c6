"""Which leads change their band, and how many leads each band then has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.scored_pair import ScoredPair
from model.training.intervals import NORMAL_95
from schemas.scored_event import CATEGORIES

__all__ = ["BandMatrix", "BandSize", "Population", "band_matrix", "capacity"]


@dataclass(frozen=True, slots=True)
class BandMatrix:
    """Leads by their band before and after.

    Attributes
    ----------
    counts
        int64, shape (3, 3): rows are the bands before, columns those after, in the order of
        ``CATEGORIES``.
    """

    counts: NDArray[np.int64]

    @property
    def moved_up(self) -> int:
        """Number of leads whose band is better afterwards."""
        return int(np.triu(self.counts, 1).sum())

    @property
    def moved_down(self) -> int:
        """Number of leads whose band is worse afterwards."""
        return int(np.tril(self.counts, -1).sum())

    @property
    def moved_share(self) -> float:
        """Share of the leads whose band differs."""
        return (self.moved_up + self.moved_down) / int(self.counts.sum())

    def as_dict(self) -> dict[str, Any]:
        """Return counts by band before and band after, for JSON."""
        rows = {
            before: dict(zip(CATEGORIES, row, strict=True))
            for before, row in zip(CATEGORIES, self.counts.tolist(), strict=True)
        }
        return {
            "counts": rows,
            "moved_up": self.moved_up,
            "moved_down": self.moved_down,
            "moved_share": self.moved_share,
        }


def band_matrix(pair: ScoredPair) -> BandMatrix:
    """Count the leads of each band before and after."""
    size = len(CATEGORIES)
    codes = pair.before.bands.astype(np.int64) * size + pair.after.bands
    return BandMatrix(np.bincount(codes, minlength=size * size).reshape(size, size))


@dataclass(frozen=True, slots=True)
class Population:
    """The leads that the compared ones stand for.

    Attributes
    ----------
    leads
        Estimated number of leads that have both scores; equal to those compared without sampling.
    days
        Length of their range in days; None where it is unknown or less than a day.
    """

    leads: float
    days: float | None


@dataclass(frozen=True, slots=True)
class BandSize:
    """Number of leads of a band, a day where the range has days, else in the whole range.

    Attributes
    ----------
    before, after
        The numbers.
    margin
        Half of the 95 % interval that sampling leaves around ``after - before``; 0 without
        sampling.
    """

    before: float
    after: float
    margin: float


def capacity(pair: ScoredPair, population: Population) -> Mapping[str, BandSize]:
    """Compute how many leads each band has before and after.

    Parameters
    ----------
    pair
        The leads, one or more: all, or a uniform sample.
    population
        All leads.

    Returns
    -------
    mapping of str to BandSize
        By category, the best first.
    """
    n = len(pair)
    scale = population.leads / n / (population.days or 1.0)
    unseen = max(1.0 - n / population.leads, 0.0)
    sizes = {}
    for band in reversed(range(len(CATEGORIES))):
        before, after = pair.before.bands == band, pair.after.bands == band
        gain = after.astype(np.float64) - before
        margin = NORMAL_95 * math.sqrt(n * float(gain.var()) * unseen)
        sizes[CATEGORIES[band]] = BandSize(
            float(before.sum()) * scale, float(after.sum()) * scale, margin * scale
        )
    return sizes


def capacity_as_dict(sizes: Mapping[str, BandSize], population: Population) -> dict[str, Any]:
    """Return the sizes by category and what they are counted per, for JSON."""
    return {
        "per": "range" if population.days is None else "day",
        "days": population.days,
        **{name: asdict(size) for name, size in sizes.items()},
    }
