"""The pace of leads: at once, steady, or as recorded."""

from __future__ import annotations

import pytest

from stream.simulator.playing import AsRecorded, AtOnce, Lead, Pace, Steady

MORNING = 1_760_000_000_000


def due(pace: Pace, *created: int | None) -> list[float]:
    return [pace.due(i, Lead(f"L{i}", at, {})) for i, at in enumerate(created)]


def test_at_once_every_lead_is_due_at_the_start() -> None:
    assert due(AtOnce(), MORNING, MORNING + 5000, None) == [0.0, 0.0, 0.0]


def test_a_steady_pace_depends_on_the_index_alone() -> None:
    assert due(Steady(4.0), MORNING, None, MORNING) == [0.0, 0.25, 0.5]


@pytest.mark.parametrize(("speed", "expected"), [(1.0, [0.0, 30.0, 90.0]), (60.0, [0.0, 0.5, 1.5])])
def test_as_recorded_leads_keep_their_distances_in_time(
    speed: float, expected: list[float]
) -> None:
    assert due(AsRecorded(speed), MORNING, MORNING + 30_000, MORNING + 90_000) == expected


def test_a_lead_without_a_time_is_due_at_once_and_sets_no_start() -> None:
    assert due(AsRecorded(1.0), None, MORNING, None, MORNING + 2000) == [0.0, 0.0, 0.0, 2.0]
