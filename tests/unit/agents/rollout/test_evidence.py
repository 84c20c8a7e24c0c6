"""Counts of a step: by the outputs' own time, in bounded memory, the same however they are read."""

from __future__ import annotations

import pytest

from agents.canary_mark import Arm
from agents.rollout import evidence as module
from agents.rollout.evidence import Seen, time_bin, time_of
from tests.unit.agents.rollout.outputs import BEGAN, WINDOW_MS, evidence, mark, outputs


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
