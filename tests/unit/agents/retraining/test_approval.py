"""A candidate becomes the canary when its aliases allow it and the verdict holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.retraining.approval import (
    Ended,
    ShadowVerdict,
    ended,
    objection,
    obstacle,
    shadow_since,
    stage_of,
)
from agents.verdict.verdict import Decision, Subject, Verdict
from model.alias import Alias
from model.alias_entry import Action, AliasEntry, Made, next_entry
from model.model_aliases import Aliases
from model.rollout_plan import RolloutPlan, read_steps

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
PLAN = RolloutPlan(salt="a1", steps=read_steps("10@1d,50@2d"))
Change = tuple[Action, Alias | None, str | None]
SHADOWED: tuple[Change, ...] = (
    (Action.SET, Alias.PRODUCTION, "1"),
    (Action.SET, Alias.STAGING, "2"),
    (Action.SET, Alias.SHADOW, "2"),
)
CANARY: Change = (Action.SET, Alias.CANARY, "2")
REMOVED: Change = (Action.REMOVE, Alias.CANARY, None)


def history(*changes: Change) -> list[AliasEntry]:
    entries: list[AliasEntry] = []
    for number, (action, alias, to) in enumerate(changes):
        made = Made("anna", NOW + timedelta(minutes=number), f"change {number + 1}")
        rollout = PLAN if alias is Alias.CANARY and to is not None else None
        last = entries[-1] if entries else None
        entries.append(next_entry(last, action, made, alias=alias, to=to, rollout=rollout))
    return entries


def after(*changes: Change) -> tuple[Aliases, list[AliasEntry], str]:
    entries = history(*changes)
    last = entries[-1]
    return Aliases("leads", last.aliases, last.archived, last), entries, "2"


def verdict(decision: Decision = Decision.BETTER, refused: int = 0) -> ShadowVerdict:
    return ShadowVerdict(decision, ("Better with 95 %: so.", "Enough."), refused, 1000)


def test_the_shadow_of_a_retraining_may_become_the_canary() -> None:
    assert obstacle(*after(*SHADOWED)) is None
    assert stage_of(*after(*SHADOWED)).startswith("in shadow since 2026-11-29 09:02 UTC")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([(Action.SET, Alias.SHADOW, "3")], "it is not the shadow any more, 3 is"),
        ([(Action.REMOVE, Alias.SHADOW, None)], "it is not the shadow any more, no version is"),
        ([(Action.SET, Alias.CANARY, "3")], "version 3 is the canary: 10 % for 1 day"),
        ([CANARY], "it is the canary: 10 % for 1 day"),
        ([CANARY, REMOVED], "its canary was removed by anna: change 5"),
        ([(Action.SET, Alias.PRODUCTION, "2")], "it is in production"),
        ([(Action.REMOVE, Alias.PRODUCTION, None)], "no version is in production"),
    ],
)
def test_an_obstacle_is_a_sentence(more: list[Change], why: str) -> None:
    found = after(*SHADOWED, *more)
    assert (obstacle(*found) or "").startswith(why)
    assert stage_of(*found).startswith(why)


def test_its_way_ends_in_production_or_with_its_canary() -> None:
    assert ended(*after(*SHADOWED)) is None
    assert ended(*after(*SHADOWED, CANARY)) is None
    assert ended(*after(*SHADOWED, CANARY, REMOVED)) == Ended(
        False, "its canary was removed by anna: change 5"
    )
    promoted = (*SHADOWED, CANARY, (Action.SET, Alias.PRODUCTION, "2"), REMOVED)
    assert ended(*after(*promoted)) == Ended(True, "it is in production")


def test_a_version_that_becomes_the_shadow_again_waits_again() -> None:
    again = (*SHADOWED, CANARY, REMOVED, (Action.REMOVE, Alias.SHADOW, None), SHADOWED[-1])
    found = after(*again)
    assert ended(*found) is None
    assert shadow_since(found[1], "2") == NOW + timedelta(minutes=6)


def test_an_archived_version_has_ended() -> None:
    gone = after(*SHADOWED[:1], (Action.ARCHIVE, None, "2"))
    assert ended(*gone) == Ended(False, "it is archived")


@pytest.mark.parametrize("decision", [Decision.UNDECIDED, Decision.UNKNOWN])
def test_by_itself_only_a_better_one_continues_a_person_may_approve_others(
    decision: Decision,
) -> None:
    said = "Better with 95 %: so. Enough."
    assert objection(verdict(decision), max_refused=0.02) == said
    assert objection(verdict(decision), max_refused=0.02, must_be_better=False) is None
    assert objection(verdict(), max_refused=0.02) is None


def test_a_worse_one_is_not_approved() -> None:
    assert objection(verdict(Decision.WORSE), max_refused=0.02, must_be_better=False) is not None


def test_one_that_refuses_leads_of_production_is_not_approved() -> None:
    assert objection(verdict(refused=20), max_refused=0.02) is None
    found = objection(verdict(refused=21), max_refused=0.02, must_be_better=False)
    assert found == "it can't score 21 of 1,000 leads, more than 2.0%"


def test_a_verdict_is_read_from_its_json() -> None:
    given: Any = Verdict(Subject("leads/1", "leads/2", "leads", 0.01, 60))
    given.counts.both, given.counts.only_live, given.counts.unmatched = 5, 2, 9
    found = ShadowVerdict.of(given.as_dict())
    assert (found.decision, found.only_live, found.reached) == (Decision.UNKNOWN, 2, 7)
    assert found.sentence.startswith("Better with 95 %: not known yet")
