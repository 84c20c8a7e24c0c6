import numpy as np

from monitoring.quality.band_counts import (
    BandCounts,
    Money,
    added_bands,
    added_money,
    bands_of,
    money_of,
)
from monitoring.quality.scored_outcomes import ScoredOutcomes

LEADS = ScoredOutcomes(
    np.array([0.9, 0.8, 0.2, 0.1]),
    np.array([1, -1, 0, 1], dtype=np.int8),
    ["High", "High", "Low", "Low"],
    np.array([990_000, 0, 0, -5_000]),
    ["EUR", "", "", "USD"],
)


def test_leads_are_counted_by_band_and_outcome() -> None:
    assert bands_of(LEADS) == (BandCounts("High", 1, 0, 1), BandCounts("Low", 1, 1, 0))


def test_leads_without_a_band_are_in_none() -> None:
    assert bands_of(ScoredOutcomes(LEADS.scores, LEADS.outcomes)) == ()


def test_amounts_are_summed_by_band_and_currency() -> None:
    assert money_of(LEADS) == (Money("High", "EUR", 1, 990_000), Money("Low", "USD", 1, -5_000))


def test_amounts_of_leads_without_a_band_are_summed_too() -> None:
    leads = ScoredOutcomes(LEADS.scores, LEADS.outcomes, (), LEADS.amounts, LEADS.currencies)
    assert money_of(leads) == (Money("", "EUR", 1, 990_000), Money("", "USD", 1, -5_000))


def test_bands_are_added_by_name_and_vanish_when_all_is_subtracted() -> None:
    one, two = (BandCounts("Low", 1, 2, 3),), (BandCounts("High", 1, 1, 1),)
    assert added_bands(one, two, 1) == two + one
    assert added_bands(added_bands(one, two, 1), one, -1) == two


def test_money_is_added_by_band_and_currency() -> None:
    euro = (Money("High", "EUR", 1, 100),)
    both = added_money(euro, (Money("High", "EUR", 2, 50), Money("High", "CHF", 1, 1)), 1)
    assert both == (Money("High", "CHF", 1, 1), Money("High", "EUR", 3, 150))
    assert added_money(both, both, -1) == ()
