"""A partition has caught up when the ends that were seen first are reached."""

from __future__ import annotations

from typing import Any

from stream.consume.partition_progress import PartitionProgress
from stream.outcomes.catch_up import CatchUp
from tests.unit.stream.outcomes.outcome_stage import SCORED


class FakeSource:
    topic = SCORED.topic

    def __init__(self) -> None:
        self.end: int | None = 10
        self.progress = PartitionProgress()
        self.assignment = {SCORED: self.progress}

    def end_offset(self, _: object) -> int | None:
        return self.end


def test_it_has_when_scores_and_outcomes_of_the_start_are_read() -> None:
    source: Any = FakeSource()
    has_outcomes = False
    catch_up = CatchUp(source, lambda _: has_outcomes)
    source.progress.pass_gap(10)
    assert not catch_up.is_caught_up(0)
    has_outcomes = True
    assert catch_up.is_caught_up(0)
    source.end = 20  # new scores
    assert catch_up.is_caught_up(0)
    catch_up.assigned()
    assert not catch_up.is_caught_up(0)
    source.progress.pass_gap(20)
    assert catch_up.is_caught_up(0)


def test_it_has_not_while_the_end_is_not_known_or_the_partition_is_not_there() -> None:
    source: Any = FakeSource()
    source.end = None
    catch_up = CatchUp(source, lambda _: True)
    assert not catch_up.is_caught_up(0)
    assert not catch_up.is_caught_up(1)
