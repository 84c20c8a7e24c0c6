"""Leads and money by band: they add and subtract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitoring.quality.scored_outcomes import NEGATIVE, POSITIVE, UNKNOWN, ScoredOutcomes

__all__ = ["KINDS", "BandCounts", "Money", "added_bands", "added_money", "bands_of", "money_of"]

KINDS = (POSITIVE, NEGATIVE, UNKNOWN)
"""Outcomes in the order in which they are counted."""


@dataclass(frozen=True, slots=True)
class BandCounts:
    """Leads of a band, such as High, by outcome."""

    band: str
    positives: int
    negatives: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Money:
    """Money that the leads of a band were worth, in one currency.

    Attributes
    ----------
    band
        The band; empty if it is not known.
    currency
        Code of the currency.
    leads
        Number of leads with an amount other than 0.
    amount
        Sum of their amounts in ten-thousandths of the currency.
    """

    band: str
    currency: str
    leads: int
    amount: int


def bands_of(leads: ScoredOutcomes) -> tuple[BandCounts, ...]:
    """Count leads by band and outcome."""
    if not leads.bands:
        return ()
    names, places = np.unique(np.asarray(leads.bands, dtype=str), return_inverse=True)
    columns = [
        np.bincount(places[leads.outcomes == kind], minlength=len(names)).tolist() for kind in KINDS
    ]
    return tuple(map(BandCounts, names.tolist(), *columns))


def money_of(leads: ScoredOutcomes) -> tuple[Money, ...]:
    """Sum the amounts of leads by band and currency."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in np.flatnonzero(leads.amounts).tolist():
        key = leads.bands[row] if leads.bands else "", leads.currencies[row]
        number, amount = found.get(key, (0, 0))
        found[key] = number + 1, amount + int(leads.amounts[row])
    return tuple(Money(*key, *found[key]) for key in sorted(found))


def added_bands(
    bands: tuple[BandCounts, ...], others: tuple[BandCounts, ...], sign: int
) -> tuple[BandCounts, ...]:
    """Add the counts of bands, or subtract them where the sign is -1."""
    found = {part.band: [part.positives, part.negatives, part.unknown] for part in bands}
    for part in others:
        sums = found.setdefault(part.band, [0, 0, 0])
        for place, number in enumerate((part.positives, part.negatives, part.unknown)):
            sums[place] += sign * number
    return tuple(BandCounts(band, *found[band]) for band in sorted(found) if any(found[band]))


def added_money(
    money: tuple[Money, ...], others: tuple[Money, ...], sign: int
) -> tuple[Money, ...]:
    """Add amounts, or subtract them where the sign is -1."""
    found = {(part.band, part.currency): [part.leads, part.amount] for part in money}
    for part in others:
        sums = found.setdefault((part.band, part.currency), [0, 0])
        sums[0] += sign * part.leads
        sums[1] += sign * part.amount
    return tuple(
        Money(*key, leads, amount) for key, (leads, amount) in sorted(found.items()) if leads
    )
