"""Rows that belong together: by a column's value, as copies, or through each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from model.training.groups import GroupColumn, find_groups
from model.training.specify import Leads
from schemas.errors import InputError
from schemas.fields import FieldKind

RNG = np.random.default_rng(8)


def leads(size: NDArray[np.float64], labels: NDArray[np.bool_] | None = None) -> Leads:
    made = RNG.random(len(size)) < 0.4 if labels is None else labels
    return Leads.of({"size": FieldKind.NUMBER}, {"size": size}, made)


def company(cells: Sequence[str | None]) -> list[GroupColumn]:
    return [GroupColumn("company", cells)]


def test_without_repeats_no_rows_belong_together() -> None:
    groups = find_groups(leads(np.arange(100.0)), company([f"C{i}" for i in range(100)]), 1)
    assert groups.numbers is None
    assert groups.counts.groups == 100
    assert groups.counts.largest == 1
    assert groups.warnings == ()


def test_rows_with_the_same_value_belong_together() -> None:
    cells = [f" C{i % 50}" if i < 50 else f"C{i % 50} " for i in range(100)]
    groups = find_groups(leads(np.arange(100.0)), company(cells), 1)
    assert groups.numbers is not None
    assert np.array_equal(groups.numbers[:50], groups.numbers[50:])
    assert (groups.counts.groups, groups.counts.largest) == (50, 2)
    assert (groups.counts.repeated, groups.counts.repeated_groups) == (100, 50)
    assert "100 rows share their company with another row (50 groups)" in groups.warnings[0]


def test_ids_that_differ_in_case_are_different() -> None:
    cells = [f"{'aA'[i % 2]}{i // 2}" for i in range(100)]
    assert find_groups(leads(np.arange(100.0)), company(cells), 1).numbers is None


def test_rows_without_a_value_are_on_their_own() -> None:
    cells = [(None, "", "NULL", "n/a", "tba")[i % 5] if i < 50 else f"C{i}" for i in range(100)]
    groups = find_groups(leads(np.arange(100.0)), company(cells), 1, missing={"tba"})
    assert groups.numbers is None


def test_rows_belong_together_through_others() -> None:
    """Row 0 and 1 have a company, 1 and 2 are copies, 2 and 3 have a company."""
    size = np.arange(100.0)
    size[2] = size[1]
    cells = ["A", "A", "B", "B", *(f"C{i}" for i in range(96))]
    groups = find_groups(leads(size, np.arange(100) % 5 < 2), company(cells), 1)
    labels_differ = np.array([False, True, True, False, *[True, False] * 48])
    groups = find_groups(leads(size, labels_differ), company(cells), 1)
    assert groups.numbers is not None
    assert len(np.unique(groups.numbers[:4])) == 1
    assert groups.counts.groups == 97
    assert groups.counts.identical_together


def test_rows_that_share_either_of_two_columns_belong_together() -> None:
    """Rows 0 and 1 are of one lead, 1 and 2 of one company."""
    lead = GroupColumn("lead_id", ["L", "L", *(f"L{i}" for i in range(98))])
    firm = GroupColumn("company", ["A", "B", "B", *(f"C{i}" for i in range(97))])
    rows = leads(np.arange(100.0), np.arange(100) % 5 < 2)
    groups = find_groups(rows, [firm, lead], 1)
    assert groups.numbers is not None
    assert len(np.unique(groups.numbers[:3])) == 1
    assert groups.counts.columns == ("company", "lead_id")
    assert (groups.counts.groups, groups.counts.largest) == (98, 3)
    assert "3 rows share their company or lead_id with another row" in groups.warnings[0]


def test_copies_belong_together_without_a_column() -> None:
    size, labels = np.repeat(RNG.random(60), 3), np.repeat(RNG.random(60) < 0.5, 3)
    groups = find_groups(leads(size, labels), [], 1)
    counts = groups.counts
    assert (counts.columns, counts.groups, counts.largest) == ((), 60, 3)
    assert counts.positive + counts.negative == 60
    assert (counts.identical, counts.identical_sets) == (180, 60)
    assert "180 rows are identical to another one" in groups.warnings[0]


def test_copies_of_very_few_leads_are_not_put_together() -> None:
    """Three different positives can't be in five folds: training would end with an error."""
    size = np.concatenate([np.repeat([0.1, 0.2, 0.3], 20), 1 + np.arange(400.0)])
    groups = find_groups(leads(size, np.arange(460) < 60), [], 1)
    assert groups.numbers is None
    assert groups.counts.identical == 60
    assert not groups.counts.identical_together


def test_copies_that_folds_part_count_once_and_are_warned_of() -> None:
    size = np.concatenate([np.repeat([0.1, 0.2, 0.3], 20), 1 + np.arange(400.0)])
    groups = find_groups(leads(size, np.arange(460) < 60), [], 1)
    assert groups.counts.identical_parted
    assert (groups.counts.groups, groups.counts.positive, groups.counts.negative) == (403, 3, 400)
    [warning] = groups.warnings
    assert "60 rows are identical" in warning
    assert "all figures of this model are too good" in warning


def test_different_leads_that_look_the_same_are_no_parted_copies() -> None:
    counts = find_groups(leads(RNG.integers(50, size=1_000).astype(np.float64)), [], 1).counts
    assert counts.identical > 900
    assert not counts.identical_parted
    assert counts.groups == 1_000


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([f"Q{i % 4}" for i in range(100)], r"the 4 groups \(4 with a success, 4 with a failure"),
        (["all"] * 100, r"the 1 groups .*the largest has 100% of the rows\)"),
    ],
)
def test_too_few_groups_are_refused(cells: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        find_groups(leads(np.arange(100.0)), company(cells), 1)
    assert "the same company" in str(caught.value)
    assert "--group COLUMN" in str(caught.value)


def test_an_outcome_in_few_groups_is_refused() -> None:
    cells = [f"C{i // 10}" for i in range(100)]
    with pytest.raises(InputError, match=r"10 groups \(2 with a success, 8 with a failure"):
        find_groups(leads(np.arange(100.0), np.arange(100) < 20), company(cells), 1)


def test_a_group_of_most_rows_is_warned_of() -> None:
    cells = ["large" if i < 900 else f"C{i}" for i in range(1000)]
    groups = find_groups(leads(np.arange(1000.0)), company(cells), 1)
    assert "The largest group has 90% of the rows" in groups.warnings[-1]
