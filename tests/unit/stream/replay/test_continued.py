"""A replay that is started with the id of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import InputError
from stream.replay.continued import note_on_continued, require_same
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayRecord
from stream.replay.ranges import BEGINNING, END, AtTime
from tests.unit.stream.replay.test_plan import NOW, plan_of

SAME = Wanted(BEGINNING, END, "m", "leads", filters=[("country", "DE")], sample=0.5)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"start": AtTime(5), "model": "leads@production"},
        {"out": "leads.rescored.r1"},
        {"topic": "elsewhere"},
    ],
    ids=["same", "a span moves", "out", "the environment's topic"],
)
def test_the_same_options_continue_a_replay_whatever_they_mean_by_now(given: Any) -> None:
    require_same(plan_of(), replace(SAME, **given))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"filters": []}, "--filter"),
        ({"sample": 1.0, "is_into_live": True}, "--into-live, --sample"),
        ({"out": "mine"}, "--out"),
        ({"archive": "/archive"}, "--archive"),
        ({"counts_drift": True}, "--drift"),
        ({"untouched_ms": 5}, "--untouched"),
    ],
)
def test_other_options_are_no_continuation(given: Any, named: str) -> None:
    """They were ignored: the account of another replay looked like that of the new one."""
    with pytest.raises(InputError, match=rf"--id r1 .* with other {named}: give the same"):
        require_same(plan_of(), replace(SAME, **given))


def test_a_continued_replay_says_what_its_plan_is() -> None:
    note = note_on_continued(ReplayRecord(state="planned", plan=plan_of(), written_at=NOW))
    assert note == (
        "note: replay r1 is continued by its plan of 2026-05-31 09:30 UTC: 52 offsets of"
        " leads.created by leads/3"
    )


def test_a_replay_that_has_ended_says_that_nothing_is_scored() -> None:
    note = note_on_continued(ReplayRecord(state="ended", plan=plan_of(), written_at=NOW))
    assert "r1 (leads/3, planned 2026-05-31 09:30 UTC) has ended, so nothing is scored" in note
