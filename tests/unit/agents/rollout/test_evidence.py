"""Counts of a step: by the outputs' own time, in bounded memory, the same however they are read."""

from __future__ import annotations

import pytest

from agents.canary_mark import Arm
from agents.rollout import evidence as module
from agents.rollout.evidence import PAUSES, Seen, time_bin, time_of
from tests.unit.agents.rollout.outputs import (
    BEGAN,
    SETTLES_MS,
    WINDOW_MS,
    evidence,
    mark,
    outputs,
)


def test_counts_do_not_depend_on_how_outputs_are_read() -> None:
    given = list(outputs(3000))
    together, alone = evidence(), evidence()
    together.add(given)
    for seen in given:
        alone.add([seen])
    for one, other in ((together, alone), (alone, together)):
        assert one.total.canary.scores.tolist() == other.total.canary.scores.tolist()
        assert one.total.production.times.tolist() == other.total.production.times.tolist()
        assert one.recent().canary.leads == other.recent().canary.leads
    assert together.split.leads == 3000
    assert together.latest == given[-1].at


def test_recent_counts_are_of_the_latest_two_windows() -> None:
    given = evidence()
    for window in range(5):
        at = BEGAN + window * WINDOW_MS
        given.add([Seen(at, b"%d" % window, mark(Arm.CANARY), 0.5)])
    given.add([Seen(BEGAN, b"late", mark(Arm.CANARY), 0.5)])
    assert given.recent().canary.leads == 2
    assert given.total.canary.leads == 6


def unsplit(at: int, *, partition: int = 0) -> Seen:
    return Seen(at, b"%d-%d" % (partition, at), None, 0.0, partition)


def test_leads_of_a_partition_that_has_not_been_split_for_some_time_are_not_the_canarys() -> None:
    given = evidence()
    given.add(unsplit(BEGAN + at) for at in range(SETTLES_MS))
    assert given.split.leads == 0
    given.add([unsplit(BEGAN + SETTLES_MS), unsplit(BEGAN + SETTLES_MS, partition=1)])
    assert (given.split.leads, given.split.canary) == (1, 0)


def test_a_partition_of_few_leads_is_seen_not_to_be_split_by_their_number() -> None:
    given = evidence()
    given.add(unsplit(BEGAN + number * 60 * SETTLES_MS) for number in range(1, 31))
    assert given.split.leads == 30 - PAUSES + 1


def test_leads_that_are_scored_again_by_the_model_of_before_are_no_broken_split() -> None:
    """A worker was killed before it took up the step, and the next one came long after."""
    given = evidence()
    given.add(unsplit(BEGAN + at) for at in range(500))
    late = BEGAN + 10 * SETTLES_MS
    given.add(unsplit(late + at) for at in range(500))
    given.add([Seen(late + 500, b"split", mark(Arm.PRODUCTION), 0.5)])
    given.add(unsplit(late + SETTLES_MS + at) for at in range(SETTLES_MS // 2))
    assert given.split.leads == 1


def test_a_dead_letter_does_not_show_that_a_partition_is_split() -> None:
    """The topic of dead letters may have other partitions."""
    given = evidence()
    given.add(unsplit(BEGAN + at) for at in range(SETTLES_MS))
    given.add([Seen(BEGAN + SETTLES_MS, b"dead", mark(Arm.CANARY), None)])
    given.add([unsplit(BEGAN + SETTLES_MS)])
    assert given.split.leads == 2


def test_leads_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEADS", 100)
    given = evidence()
    given.add(outputs(250))
    assert given.split.leads == 50


@pytest.mark.parametrize("microseconds", [0, 1, 2, 900, 10**6, 10**12])
def test_a_time_is_in_its_bin(microseconds: int) -> None:
    position = time_bin(microseconds)
    assert microseconds < time_of(position) or position == module.TIME_BINS - 1
    assert position == 0 or microseconds >= 0.999 * time_of(position - 1)
