"""Rows that are alike: copies of a row, or leads that look the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.training.copies import find_alike
from model.training.specify import Leads
from schemas.fields import FieldKind

RNG = np.random.default_rng(6)
KINDS = {"size": FieldKind.NUMBER, "source": FieldKind.CATEGORY, "note": FieldKind.TEXT}


def noise(n: int, distinct: int) -> Leads:
    columns: dict[str, NDArray[Any]] = {
        "size": RNG.integers(distinct, size=n).astype(np.float64),
        "source": RNG.choice(np.array(["web", "event", None], dtype=object), size=n),
        "note": np.full(n, "hello", dtype=object),
    }
    return Leads.of(KINDS, columns, RNG.random(n) < 0.3)


def test_distinct_rows_are_not_alike() -> None:
    alike = find_alike(
        Leads.of({"size": FieldKind.NUMBER}, {"size": np.arange(9.0)}, RNG.random(9) < 1)
    )
    assert (alike.rows, alike.distinct, alike.are_copies) == (0, 0, False)
    assert not alike.is_repeated.any()


def test_a_file_three_times_over_is_copies() -> None:
    once = noise(200, 10**9)
    thrice = once.take(RNG.permutation(np.tile(np.arange(200), 3)))
    alike = find_alike(thrice)
    assert alike.are_copies
    assert (alike.rows, alike.distinct) == (600, 200)
    assert alike.is_repeated.all()
    assert len(np.unique(alike.sets)) == 200


def test_a_class_that_was_oversampled_is_copies() -> None:
    once = noise(400, 10**9)
    positives = np.flatnonzero(once.labels)
    alike = find_alike(once.take(np.concatenate([np.arange(400), *[positives] * 9])))
    assert alike.are_copies
    assert (alike.rows, alike.distinct) == (10 * len(positives), len(positives))


def test_leads_of_few_values_look_the_same_and_are_no_copies() -> None:
    for distinct in (5, 30, 200):
        alike = find_alike(noise(2_000, distinct))
        assert not alike.are_copies
        assert alike.rows > 500


def test_a_column_that_predicts_the_outcome_does_not_make_leads_copies() -> None:
    leads = noise(3_000, 300)
    rate = np.where(leads.columns["size"] > 200, 0.6, 0.1)
    leads = Leads.of(KINDS, leads.columns, RNG.random(3_000) < rate)
    assert not find_alike(leads).are_copies


def test_many_empty_rows_are_no_copies() -> None:
    """Nothing is known of half of the leads, and none of these succeeded."""
    leads = noise(400, 10**9)
    is_empty = np.arange(400) % 2 == 0
    nothing: Any = None
    columns = {
        "size": np.where(is_empty, np.nan, leads.columns["size"]),
        "source": np.where(is_empty, nothing, leads.columns["source"]),
        "note": np.where(is_empty, nothing, leads.columns["note"]),
    }
    alike = find_alike(Leads.of(KINDS, columns, leads.labels & ~is_empty))
    assert not alike.is_repeated[is_empty].any()


def test_a_set_of_very_many_rows_does_not_count_as_copies() -> None:
    """Nothing is known of a fifth of the leads; twenty others are there twice."""
    size = np.concatenate(
        [np.full(100, np.nan), np.repeat(np.arange(20.0), 2), 50 + np.arange(360)]
    )
    alike = find_alike(
        Leads.of({"size": FieldKind.NUMBER}, {"size": size}, np.arange(500) % 4 // 2 == 0)
    )
    assert alike.are_copies
    assert alike.is_repeated.sum() == 40
    assert (alike.rows, alike.distinct) == (40, 20)


def test_the_same_fields_with_another_outcome_are_not_identical() -> None:
    columns = {"size": np.array([1.0, 1, 2, 2, 3])}
    labels = np.array([True, False, True, True, False])
    alike = find_alike(Leads.of({"size": FieldKind.NUMBER}, columns, labels))
    assert (alike.rows, alike.distinct) == (2, 1)


@pytest.mark.parametrize(
    ("name", "cell", "same"), [("source", " WEB ", True), ("note", "Hello", False)]
)
def test_levels_are_alike_as_the_model_reads_them(name: str, cell: str, same: bool) -> None:
    columns = {
        "size": np.array([np.nan, np.nan]),
        "source": np.array(["web", "web"], dtype=object),
        "note": np.array(["hello", "hello"], dtype=object),
    }
    columns[name][1] = cell
    alike = find_alike(Leads.of(KINDS, columns, np.array([True, True])))
    assert (alike.rows == 2) is same


def test_copies_may_differ_in_the_time() -> None:
    kinds = {"created": FieldKind.DATE, "size": FieldKind.NUMBER}
    columns = {"created": np.arange(300.0), "size": np.arange(300.0) // 3}
    leads = Leads.of(kinds, columns, np.arange(300) // 3 % 2 == 0)
    assert not find_alike(leads).are_copies
    assert find_alike(leads, apart=("created",)).are_copies
