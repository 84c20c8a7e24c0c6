"""Pairs of one partition."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from agents.verdict.known_outcomes import OUTCOME, Horizon
from agents.verdict.partition_pairs import PairCounts, PartitionPairs, pair_partition
from agents.verdict.score_columns import Result, ScoreColumns

LIVE, SHADOW, OTHER = 1, 2, 3
NONE = np.zeros(0, dtype=OUTCOME)
HORIZON = Horizon(counts_ms=100, late_ms=0)


def rows(model: int, scored: Iterable[int], dead: Iterable[int] = ()) -> NDArray[np.void]:
    columns = ScoreColumns()
    for offset in scored:
        columns.put(Result(offset, 10 * offset, offset, 0.1 * model, 1.0, 5.0, model, model - 1))
    for offset in dead:
        columns.put_dead_letter(offset)
    return columns.rows()


def paired(
    live: NDArray[np.void], shadow: NDArray[np.void], outcomes: NDArray[np.void] = NONE
) -> PartitionPairs:
    return pair_partition(live, shadow, (LIVE, SHADOW), outcomes, HORIZON)


def test_leads_are_paired_by_their_offset_between_what_both_have_reached() -> None:
    found = paired(rows(LIVE, range(20)), rows(SHADOW, range(5, 12)))
    assert found.counts == PairCounts(both=7)
    assert found.live["offset"].tolist() == list(range(5, 12))
    assert (found.live["offset"] == found.shadow["offset"]).all()
    assert found.pair.before.scores[0] < found.pair.after.scores[0]


def test_dead_letters_of_either_side_are_counted() -> None:
    found = paired(rows(LIVE, [1, 2, 5], [3, 4]), rows(SHADOW, [1, 4, 5], [2, 3]))
    assert found.counts == PairCounts(both=2, only_live=1, only_shadow=1, neither=1)
    assert found.counts.reached == 5


def test_leads_of_which_one_side_has_nothing_are_counted() -> None:
    assert paired(rows(LIVE, [1, 2, 3]), rows(SHADOW, [1, 3])).counts == PairCounts(2, unmatched=1)


def test_scores_of_other_models_are_in_no_pair() -> None:
    live = np.concatenate((rows(OTHER, [1, 2]), rows(LIVE, [3, 4])))
    shadow = np.concatenate((rows(OTHER, [1]), rows(SHADOW, [2, 3, 4])))
    found = paired(live, shadow)
    assert found.live["offset"].tolist() == [3, 4]
    assert found.counts == PairCounts(2, unmatched=1)


def test_one_side_alone_makes_no_pair() -> None:
    nothing = rows(LIVE, [])
    for live, shadow in ((nothing, rows(SHADOW, [1])), (rows(LIVE, [1]), nothing)):
        found = paired(live, shadow)
        assert (found.counts.reached, len(found.live), found.waiting) == (0, 0, 0)


def test_outcomes_belong_to_pairs_and_the_rest_waits() -> None:
    won = np.array([(6, 65, 65, 0, True)], dtype=OUTCOME)
    found = paired(rows(LIVE, range(21)), rows(SHADOW, range(5, 21)), won)
    known = found.live["offset"][found.known].tolist()
    assert known == [5, 6, 7, 8, 9, 10], "whose horizon of 100 ms had passed at the last score"
    assert found.positive[found.known].tolist() == [False, True, False, False, False, False]
    assert found.waiting == 10
    assert found.next_known == 210


def test_pairs_are_in_the_order_of_the_live_scores() -> None:
    live = rows(LIVE, range(4))
    live["at"] = [40, 10, 30, 20]
    assert paired(live, rows(SHADOW, range(4))).live["offset"].tolist() == [1, 3, 2, 0]
