"""Amounts of leads: one currency, and only where most conversions have an amount."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agents.retraining.lead_values import LeadValues, value_of_best, values_of

NONE = float("nan")


def values(
    converted: Sequence[bool], amounts: Sequence[float], currencies: Sequence[str | None]
) -> LeadValues | None:
    return values_of(np.array(converted), np.array(amounts), currencies)


def test_leads_that_did_not_convert_brought_nothing() -> None:
    found = values([True, False, True], [100.0, 70.0, 300.0], ["EUR", "EUR", "EUR"])
    assert found is not None
    assert (found.amounts.tolist(), found.currency) == ([100.0, 0.0, 300.0], "EUR")


def test_a_conversion_without_an_amount_counts_with_the_mean_of_the_others() -> None:
    found = values([True, True, True], [100.0, NONE, 300.0], ["EUR", None, "EUR"])
    assert found is not None
    assert found.amounts.tolist() == [100.0, 200.0, 300.0]


def test_amounts_in_other_currencies_are_not_added() -> None:
    found = values([True] * 3, [100.0, 9_000_000.0, 300.0], ["EUR", "JPY", "EUR"])
    assert found is not None
    assert (found.amounts.tolist(), found.currency) == ([100.0, 200.0, 300.0], "EUR")


def test_amounts_may_have_no_currency() -> None:
    found = values([True, False], [100.0, NONE], ["", None])
    assert found is not None
    assert found.currency == ""


@pytest.mark.parametrize(
    "amounts",
    [[NONE, NONE, NONE], [100.0, NONE, NONE], [0.0, 0.0, 0.0], [-50.0, -20.0, -10.0]],
)
def test_few_amounts_and_no_gain_are_no_figure(amounts: list[float]) -> None:
    assert values([True] * 3, amounts, ["EUR"] * 3) is None


def test_the_value_of_the_best_is_their_mean_amount() -> None:
    amounts = np.zeros(100)
    amounts[[3, 7]] = 500.0, 300.0
    scores = np.linspace(0.0, 0.4, 100)
    assert value_of_best(amounts, scores) == 0.0
    scores[[3, 7]] = 0.9, 0.8
    assert value_of_best(amounts, scores) == 80.0
