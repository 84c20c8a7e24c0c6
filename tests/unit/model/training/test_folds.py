"""Folds: stratified, and without groups the same as ever; a group is in one of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from model.training.folds import folds, has_folds, ordered_folds, split_latest

RNG = np.random.default_rng(5)


def own_rows(
    labels: NDArray[np.bool_], groups: NDArray[np.int64] | None, seed: int = 1, n: int = 5
) -> list[NDArray[np.int64]]:
    parts = []
    for training, own in folds(labels, n, seed, groups):
        assert np.array_equal(np.sort(np.concatenate([training, own])), np.arange(len(labels)))
        parts.append(own)
    assert sum(map(len, parts)) == len(labels)
    return parts


@pytest.mark.parametrize("groups", [None, np.arange(300), RNG.permutation(900)[:300]])
def test_without_groups_of_two_rows_the_folds_are_scikit_learn_s(
    groups: NDArray[np.int64] | None,
) -> None:
    labels = RNG.random(300) < 0.2
    expected = StratifiedKFold(5, shuffle=True, random_state=7).split(np.zeros(300), labels)
    for (training, own), (theirs, their_own) in zip(
        folds(labels, 5, 7, groups), expected, strict=True
    ):
        assert np.array_equal(training, theirs)
        assert np.array_equal(own, their_own)


def test_a_group_is_in_one_fold() -> None:
    groups = RNG.integers(200, size=1000)
    parts = own_rows(RNG.random(1000) < 0.3, groups)
    assert len(parts) == 5
    assert sum(len(np.unique(groups[own])) for own in parts) == len(np.unique(groups))


def test_copies_give_folds_of_the_same_size_and_rate() -> None:
    labels = np.repeat(RNG.random(500) < 0.2, 3)
    parts = own_rows(labels, np.repeat(np.arange(500), 3))
    assert [len(own) for own in parts] == [300] * 5
    assert np.ptp([labels[own].sum() for own in parts]) <= 3


def test_groups_of_many_sizes_give_folds_that_differ_little() -> None:
    sizes = np.concatenate([RNG.geometric(0.02, size=60), np.ones(400, dtype=np.int64)])
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = RNG.random(len(groups)) < RNG.random(len(sizes))[groups]
    parts = own_rows(labels, groups)
    even, rate = len(groups) / 5, labels.mean()
    assert all(len(own) == pytest.approx(even, rel=0.1) for own in parts)
    assert all(labels[own].mean() == pytest.approx(rate, rel=0.1) for own in parts)


def test_the_seed_decides() -> None:
    labels, groups = RNG.random(600) < 0.3, RNG.integers(150, size=600)
    first, again, other = (own_rows(labels, groups, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_names_of_the_groups_do_not_matter() -> None:
    labels, groups = RNG.random(600) < 0.3, RNG.integers(150, size=600)
    for ours, theirs in zip(
        own_rows(labels, groups), own_rows(labels, groups * 7 + 3), strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_one_large_group_fills_a_fold_of_its_own() -> None:
    groups = np.concatenate([np.zeros(900, dtype=np.int64), np.arange(1, 101)])
    labels = RNG.random(1000) < 0.3
    parts = own_rows(labels, groups)
    assert sorted(len(own) for own in parts)[-1] == pytest.approx(900, abs=5)
    assert has_folds(labels, 5, 1, groups)


@pytest.mark.parametrize(
    ("groups", "labels", "has"),
    [
        (np.arange(20) % 4, np.arange(20) % 2 == 0, False),
        (np.arange(20) % 5, np.arange(20) // 5 % 2 == 0, True),
        (np.arange(20) // 2, np.arange(20) < 8, False),
        (None, np.arange(20) < 5, True),
        (None, np.arange(20) < 4, False),
        (None, np.arange(20) < 16, False),
    ],
)
def test_whether_there_are_folds(
    groups: NDArray[np.int64] | None, labels: NDArray[np.bool_], has: bool
) -> None:
    assert has_folds(labels, 5, 1, groups) is has


def test_the_latest_rows_have_no_part_in_the_earlier_ones() -> None:
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 7, 1, 8])
    earlier, latest = split_latest(10, groups)
    assert earlier.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert latest.tolist() == [9]
    assert split_latest(10)[1].tolist() == [8, 9]


def test_folds_in_the_order_of_time_follow_the_rows_that_they_are_judged_by() -> None:
    labels = np.arange(120) % 3 == 0
    found = [*ordered_folds(labels, 3)]
    assert [(len(earlier), own.tolist()[0], own.tolist()[-1]) for earlier, own in found] == [
        (60, 60, 79),
        (80, 80, 99),
        (100, 100, 119),
    ]


def test_rows_of_an_ordered_fold_that_belong_to_an_earlier_row_are_left_out() -> None:
    labels, groups = np.arange(120) % 3 == 0, np.arange(120)
    groups[65] = groups[3]
    first = next(iter(ordered_folds(labels, 3, groups)))[1]
    assert 65 not in first
    assert len(first) == 19


def test_an_ordered_fold_of_one_kind_is_left_out() -> None:
    labels = np.arange(120) % 3 == 0
    labels[100:] = False
    assert len([*ordered_folds(labels, 3)]) == 2
