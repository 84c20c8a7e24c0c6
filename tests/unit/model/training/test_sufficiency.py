"""Too few leads are refused, and few are warned of."""

from __future__ import annotations

import numpy as np
import pytest

from model.group_counts import GroupCounts
from model.training.sufficiency import LEAST_OF_A_KIND, check_sufficient, few_warnings
from schemas.errors import InputError


@pytest.mark.parametrize(("positives", "negatives"), [(39, 100), (100, 39)])
def test_too_few_of_a_kind_are_refused_with_the_rows_that_were_left_out(
    positives: int, negatives: int
) -> None:
    positive = np.repeat([True, False], [positives, negatives])
    with pytest.raises(InputError) as caught:
        check_sufficient("leads.csv", positive, ["3 rows without a target were left out."])
    assert f"leads.csv has {positives} positives and {negatives} negatives (3 rows" in str(
        caught.value
    )


def test_the_least_number_of_each_kind_is_enough() -> None:
    enough = np.repeat([True, False], LEAST_OF_A_KIND)
    check_sufficient("leads.csv", enough, ())
    with pytest.raises(InputError):
        check_sufficient("leads.csv", enough[1:], ())


def counts(groups: int, positive: int) -> GroupCounts:
    return GroupCounts(groups=groups, positive=positive, negative=groups - positive, largest=1)


def test_enough_rows_and_positives_have_no_warning() -> None:
    assert [*few_warnings(1000, 120, counts(1000, 120))] == []


def test_few_rows_and_positives_have_a_warning_each() -> None:
    rows, positives = few_warnings(999, 119, counts(999, 119))
    assert rows.startswith("999 rows are few (under 1,000)")
    assert positives.startswith("119 positives are few (under 120)")


def test_rows_of_few_groups_are_few() -> None:
    rows, positives = few_warnings(5000, 900, counts(400, 8))
    assert rows.startswith("5,000 rows in 400 groups are few")
    assert positives.startswith("900 positives in 8 groups are few")
