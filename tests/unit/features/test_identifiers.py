"""Whole numbers that name something, and numbers that only look so."""

from __future__ import annotations

import numpy as np
import pytest

from features.identifiers import why_a_code, why_an_identifier

SHUFFLED = np.random.default_rng(1).permutation(200).astype(float)
SPREAD = np.random.default_rng(2).permutation(10**6)[:200].astype(float)


@pytest.mark.parametrize(
    ("numbers", "column", "why"),
    [
        (SPREAD, "customer_id", "the name says so"),
        (SPREAD + 10**6, "Customer No", "the name says so"),
        (SHUFFLED + 5000, "visits", "count up without gaps"),
        (np.arange(200) * 10.0, "visits", "count up in the order of the file"),
        (SPREAD + 4.9e11, "phone", "a phone number"),
    ],
)
def test_an_identifier_is_found_with_the_reason(numbers: np.ndarray, column: str, why: str) -> None:
    assert why in str(why_an_identifier(numbers, column))


@pytest.mark.parametrize(
    ("numbers", "column"),
    [
        (SPREAD + 0.5, "customer_id"),
        (np.repeat(SPREAD[:50], 4), "customer_id"),
        (SPREAD, "revenue"),
        (SPREAD, "No of calls"),
    ],
    ids=["fractions", "repeated", "spread out", "a count"],
)
def test_other_numbers_are_no_identifier(numbers: np.ndarray, column: str) -> None:
    assert why_an_identifier(numbers, column) is None


def test_numbers_that_grow_with_a_time_are_running_numbers() -> None:
    steps = np.random.default_rng(3).integers(1, 10**6, 200).astype(float)
    numbers = np.cumsum(steps)
    order = np.random.default_rng(4).permutation(200)
    times = [("created", np.arange(200.0)[order])]
    assert why_an_identifier(numbers[order], "visits", times) == (
        "a running number: it grows with created"
    )
    assert why_an_identifier(numbers[order], "visits", [("created", SHUFFLED)]) is None
    assert why_an_identifier(numbers[order][:50], "visits", [("created", times[0][1][:50])]) is None


def test_missing_numbers_are_left_aside() -> None:
    with_gaps = np.where(np.arange(200) % 3, SPREAD, np.nan)
    assert why_an_identifier(with_gaps, "customer_id") is not None


@pytest.mark.parametrize(
    ("numbers", "column", "why"),
    [
        ([1067.0, 80331.0], "PLZ", "its name says that it is a postal code"),
        ([7.0, 12.0], "region_id", "its name says that it is a key"),
        ([12345678.0, 87654321.0], "reference", "all have 8 digits"),
        ([12345.0, 54321.0], "Order No", "all have 5 digits"),
    ],
)
def test_a_code_is_found_with_the_reason(numbers: list[float], column: str, why: str) -> None:
    assert why_a_code(np.array(numbers), len(numbers), column) == why


def test_numbers_that_float32_does_not_keep_apart_are_a_code() -> None:
    numbers = 10**10 + np.arange(100.0)
    assert "too long" in str(why_a_code(numbers, 100, "reference"))


@pytest.mark.parametrize(
    ("numbers", "column"), [([1.5, 2.5], "PLZ"), ([7.0, 1200.0], "visits"), ([1.0, 2.0], "no")]
)
def test_other_numbers_are_no_code(numbers: list[float], column: str) -> None:
    assert why_a_code(np.array(numbers), len(numbers), column) is None
