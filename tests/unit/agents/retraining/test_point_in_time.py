"""A data set holds what was known at its cut, and nothing from the future."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.retraining.point_in_time import (
    Cut,
    KnownOutcome,
    LabelledRows,
    label_leads,
    lead_key,
)

DAY = 86_400_000
CUT = Cut(at=100 * DAY, horizon_ms=30 * DAY, window_ms=60 * DAY)


def success(day: float, known: float | None = None) -> KnownOutcome:
    return KnownOutcome(int(day * DAY), int((day if known is None else known) * DAY), True)


def failure(day: float) -> KnownOutcome:
    return KnownOutcome(int(day * DAY), int(day * DAY), False)


def labelled(
    records: Sequence[tuple[bytes, float]], outcomes: dict[bytes, list[KnownOutcome]]
) -> LabelledRows:
    times = np.array([day * DAY for _, day in records], dtype=np.int64)
    return label([lead for lead, _ in records], times, outcomes, CUT)


def label(
    leads: Sequence[bytes],
    times: NDArray[np.int64],
    outcomes: dict[bytes, list[KnownOutcome]],
    cut: Cut,
) -> LabelledRows:
    keys = np.frombuffer(b"".join(map(lead_key, leads)), dtype=np.uint8).reshape(-1, 16)
    by_key = {lead_key(lead): known for lead, known in outcomes.items()}
    return label_leads(keys, times, by_key, cut)


def pairs(found: LabelledRows) -> list[tuple[int, bool]]:
    return list(zip(found.rows.tolist(), found.converted.tolist(), strict=True))


def test_a_lead_that_converted_within_the_horizon_is_positive() -> None:
    assert pairs(labelled([(b"a", 20)], {b"a": [success(40)]})) == [(0, True)]


def test_a_lead_without_an_outcome_is_negative_once_its_horizon_has_passed() -> None:
    assert pairs(labelled([(b"a", 20)], {})) == [(0, False)]


def test_a_conversion_after_the_horizon_does_not_count() -> None:
    assert pairs(labelled([(b"a", 20)], {b"a": [success(51)]})) == [(0, False)]


def test_an_immature_lead_is_left_out_though_it_converted() -> None:
    found = labelled([(b"a", 71)], {b"a": [success(72)]})
    assert (pairs(found), found.counts.immature) == ([], 1)


def test_a_lead_before_the_window_is_left_out() -> None:
    found = labelled([(b"a", 9)], {b"a": [success(12)]})
    assert (pairs(found), found.counts.too_old) == ([], 1)


def test_leak_an_outcome_that_became_known_after_the_cut_is_not_used() -> None:
    found = labelled([(b"a", 69)], {b"a": [success(90, known=101)]})
    assert pairs(found) == [(0, False)]
    assert found.counts.outcomes_after_cut == 1


def test_leak_an_outcome_dated_after_the_cut_is_not_used() -> None:
    wide = Cut(at=100 * DAY, horizon_ms=0, window_ms=90 * DAY)
    times = np.array([100 * DAY])
    outcome = KnownOutcome(101 * DAY, 99 * DAY, True)
    assert not label([b"a"], times, {b"a": [outcome]}, wide).converted.any()


def test_leak_a_version_from_after_the_conversion_is_not_used() -> None:
    found = labelled([(b"a", 20), (b"a", 45)], {b"a": [success(40)]})
    assert pairs(found) == [(0, True)]
    assert found.counts.superseded == 1


def test_leak_the_first_of_versions_of_the_same_time_is_taken() -> None:
    assert pairs(labelled([(b"a", 20), (b"a", 20)], {b"a": [success(40)]})) == [(0, True)]


def test_a_lead_is_one_row_of_its_last_version_before_the_conversion() -> None:
    found = labelled([(b"a", 20), (b"a", 30)], {b"a": [success(40)]})
    assert (pairs(found), found.counts.superseded) == ([(1, True)], 1)


def test_a_lead_that_had_converted_before_all_its_records_is_left_out() -> None:
    found = labelled([(b"a", 45)], {b"a": [success(40)]})
    assert (pairs(found), found.counts.after_outcome) == ([], 1)


def test_the_last_outcome_within_the_horizon_decides() -> None:
    outcomes = {b"a": [failure(22), success(40), failure(60)]}
    assert pairs(labelled([(b"a", 20)], outcomes)) == [(0, True)]
    assert pairs(labelled([(b"a", 20)], {b"a": [success(22), failure(40)]})) == [(0, False)]


def test_a_lead_is_mature_once_late_outcomes_can_have_arrived() -> None:
    late = Cut(at=100 * DAY, horizon_ms=30 * DAY, window_ms=90 * DAY, late_ms=14 * DAY)
    times = np.array([56 * DAY, 57 * DAY])
    assert label([b"a", b"b"], times, {}, late).rows.tolist() == [0]


def test_rows_are_in_the_order_of_time() -> None:
    found = labelled([(b"a", 50), (b"b", 20), (b"c", 30)], {})
    assert found.rows.tolist() == [1, 2, 0]


def test_without_a_record_in_the_window_there_are_no_rows() -> None:
    found = labelled([(b"a", 9), (b"b", 99)], {})
    assert (pairs(found), found.counts.superseded) == ([], 0)
    assert pairs(labelled([], {})) == []


def test_records_of_many_leads_in_any_order_stay_with_their_leads() -> None:
    random = np.random.default_rng(5)
    leads = [b"lead-%d" % number for number in random.integers(0, 300, 2000)]
    days = random.integers(11, 69, 2000).tolist()
    last: dict[bytes, tuple[int, int]] = {}
    for row, (lead, day) in enumerate(zip(leads, days, strict=True)):
        if lead not in last or day > last[lead][0]:
            last[lead] = (day, row)
    found = labelled(list(zip(leads, days, strict=True)), {b"lead-7": [success(70)]})
    won = last[b"lead-7"] if last[b"lead-7"][0] >= 40 else None
    assert sorted(found.rows.tolist()) == sorted(row for _, row in last.values())
    assert found.rows[found.converted].tolist() == ([won[1]] if won else [])
