"""Conditions in groups that an address has room for."""

from __future__ import annotations

from urllib.parse import quote

from stream.crm.queries import MOST_BYTES, split_by_size


def test_groups_have_all_conditions_in_order_and_room() -> None:
    conditions = [f"'é{'x' * (at % 400)}-{at}'" for at in range(300)]
    groups = list(split_by_size(conditions))
    assert [each for group in groups for each in group] == conditions
    assert len(groups) > 1
    assert all(len(quote(",".join(group))) <= MOST_BYTES for group in groups)


def test_a_condition_that_is_too_long_stands_alone() -> None:
    assert list(split_by_size(["a", "b" * 9000, "c"])) == [["a"], ["b" * 9000], ["c"]]
    assert list(split_by_size([])) == []
