from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from model.alias import Alias
from model.alias_entry import (
    Action,
    AliasEntry,
    Made,
    entry_at,
    fold,
    next_entry,
    versions_before,
)
from model.metadata import BundleError, BundleIncompleteError
from model.rollout_plan import RolloutPlan, RolloutStep
from model.sealed_json import seal
from testing.made import MADE

PRODUCTION, STAGING = Alias.PRODUCTION, Alias.STAGING
PLAN = RolloutPlan(
    salt="5ba2", steps=(RolloutStep(share=10, seconds=60), RolloutStep(share=50, seconds=60))
)
Step = tuple[Action, Alias | None, str | None]


def history(*steps: Step, start: dict[Alias, str] | None = None) -> list[AliasEntry]:
    """Make entries a minute apart."""
    entries: list[AliasEntry] = []
    if start is not None:
        entries.append(next_entry(None, Action.START, MADE, start=start))
    for action, alias, to in steps:
        last = entries[-1] if entries else None
        made = replace(MADE, at=MADE.at + timedelta(minutes=len(entries)))
        entries.append(next_entry(last, action, made, alias=alias, to=to))
    return entries


def sets(*versions: str) -> list[Step]:
    return [(Action.SET, PRODUCTION, version) for version in versions]


def rolled(steps: Sequence[Step], rollbacks: int) -> list[str]:
    """Roll back, each time to where the history says; return where that led."""
    steps, led = list(steps), []
    for _ in range(rollbacks):
        to = versions_before(history(*steps), PRODUCTION)[-1]
        steps.append((Action.ROLLBACK, PRODUCTION, to))
        led.append(to)
    return led


def test_an_entry_has_who_when_why_from_and_to_and_the_state_after_it() -> None:
    first, second = history(*sets("1", "2"))
    assert (first.was, first.to) == (None, "1")
    assert (second.was, second.to, second.number) == ("1", "2", 2)
    assert (second.by, second.why) == (MADE.by, MADE.why)
    assert second.at == MADE.at + timedelta(minutes=1)
    assert second.aliases == {PRODUCTION: "2"}


def test_an_entry_is_read_back_as_it_was_written() -> None:
    for entry in history(
        *sets("1"), (Action.ARCHIVE, None, "3"), (Action.REMOVE, PRODUCTION, None)
    ):
        assert AliasEntry.from_bytes(entry.to_bytes(), "00000001.json") == entry


def test_the_time_is_written_in_utc() -> None:
    at = MADE.at.astimezone(timezone(timedelta(hours=5)))
    entry = next_entry(None, Action.SET, replace(MADE, at=at), alias=PRODUCTION, to="1")
    assert b'"at": "2026-05-03T14:03:00Z"' in entry.to_bytes()


@pytest.mark.parametrize("end", [0, 1, 100, -1])
def test_an_entry_that_is_half_copied_is_incomplete(end: int) -> None:
    [entry] = history(*sets("1"))
    with pytest.raises(BundleIncompleteError, match=r"00000001\.json.*copy it again"):
        AliasEntry.from_bytes(entry.to_bytes()[:end], "00000001.json")


@pytest.mark.parametrize(
    "change", [{"format_version": 2}, {"aliases": {"best": "1"}}, {"to": "../x"}, {"more": 1}]
)
def test_an_entry_of_another_format_is_refused_as_such(change: dict[str, object]) -> None:
    [entry] = history(*sets("1"))
    fields = entry.model_dump(mode="json", by_alias=True) | change
    with pytest.raises(BundleError, match="a format that this version") as refused:
        AliasEntry.from_bytes(seal(fields, "entry_sha256"), "00000001.json")
    assert not isinstance(refused.value, BundleIncompleteError), "another try would not help"


def test_the_fold_of_all_entries_is_the_state_of_the_last_one() -> None:
    entries = history(
        *sets("1", "2"),
        (Action.SET, STAGING, "3"),
        (Action.ARCHIVE, None, "1"),
        (Action.REMOVE, STAGING, None),
        start={Alias.CANARY: "1"},
    )
    folded = fold(entries)
    assert folded == entries[-1]
    assert folded.aliases == {PRODUCTION: "2", Alias.CANARY: "1"}
    assert folded.archived == ("1",)
    assert fold([]) is None


def test_a_rollout_is_part_of_the_state_until_its_canary_goes() -> None:
    canary = Alias.CANARY
    first = next_entry(None, Action.SET, MADE, alias=canary, to="2", rollout=PLAN)
    other = next_entry(first, Action.SET, MADE, alias=STAGING, to="3")
    second = next_entry(other, Action.STEP, MADE, alias=canary, to="2", rollout=PLAN.following())
    removed = next_entry(second, Action.REMOVE, MADE, alias=canary)
    entries = [first, other, second, removed]
    assert [entry.rollout and entry.rollout.share for entry in entries] == [10, 10, 50, None]
    assert [entry.summary for entry in entries] == [
        "canary none → 2 at 10 %",
        "staging none → 3",
        "canary 2 at 50 %",
        "canary 2 → none",
    ]
    assert fold(entries) == removed
    assert AliasEntry.from_bytes(second.to_bytes(), "3") == second
    with pytest.raises(BundleIncompleteError):
        fold([first, other.model_copy(update={"rollout": None})])


@pytest.mark.parametrize(
    "change", [{"aliases": {PRODUCTION: "9"}}, {"was": "7"}, {"number": 5}, {"archived": ("4",)}]
)
def test_an_entry_that_does_not_follow_from_the_one_before_is_found(
    change: dict[str, object],
) -> None:
    entries = history(*sets("1", "2", "3"))
    entries[1] = entries[1].model_copy(update=change)
    with pytest.raises(BundleIncompleteError, match="should follow from the entries before it"):
        fold(entries)


def test_a_start_in_the_middle_is_no_start() -> None:
    entries = history(*sets("1"))
    again = next_entry(None, Action.START, MADE, start={PRODUCTION: "7"})
    entries.append(again.model_copy(update={"number": 2}))
    with pytest.raises(BundleIncompleteError):
        fold(entries)


def test_the_state_at_a_time_is_that_of_the_last_change_until_then() -> None:
    entries = history(*sets("1", "2", "3"))
    at = [
        entry_at(entries, MADE.at + timedelta(minutes=minutes)) for minutes in (-0.1, 0, 1.5, 2, 99)
    ]
    assert [entry and entry.to for entry in at] == [None, "1", "2", "3", "3"]


def test_where_clocks_differ_changes_hold_in_the_order_of_their_numbers() -> None:
    early, late, third = history(*sets("1", "2", "3"))
    slow = late.model_copy(update={"at": early.at - timedelta(hours=1)})
    entries = [early, slow, third]
    assert entry_at(entries, early.at - timedelta(minutes=1)) is None
    assert entry_at(entries, early.at) == slow, "made no earlier than the change before it"


def test_a_second_rollback_goes_one_further_back() -> None:
    assert rolled(sets("1", "2", "3"), 2) == ["2", "1"]


def test_a_rollback_ends_at_the_first_version() -> None:
    assert versions_before(history(*sets("1")), PRODUCTION) == []
    assert versions_before([], PRODUCTION) == []


def test_a_promotion_after_a_rollback_is_rolled_back_to_where_that_led() -> None:
    steps = [*sets("1", "2"), (Action.ROLLBACK, PRODUCTION, "1"), *sets("3")]
    assert rolled(steps, 1) == ["1"], "not to 2, which was rolled back"


def test_a_version_that_was_promoted_twice_is_reached_twice() -> None:
    assert rolled(sets("1", "2", "1"), 2) == ["2", "1"]


def test_a_rollback_after_a_removal_restores_the_removed_version() -> None:
    steps = [*sets("1", "2"), (Action.REMOVE, PRODUCTION, None)]
    assert rolled(steps, 2) == ["2", "1"]
    assert rolled([*steps, *sets("2")], 1) == ["1"], "set again by hand"


def test_a_rollback_leads_to_what_was_there_before_the_history() -> None:
    entries = history(*sets("5"), start={PRODUCTION: "4"})
    assert versions_before(entries, PRODUCTION) == ["4"]


def test_a_rollback_of_an_alias_does_not_see_the_others() -> None:
    steps: list[Step] = [*sets("1"), (Action.SET, STAGING, "2"), (Action.SET, STAGING, "3")]
    assert versions_before(history(*steps), PRODUCTION) == []
    assert versions_before(history(*steps), STAGING) == ["2"]


@pytest.mark.parametrize(
    ("step", "summary"),
    [
        ((Action.SET, PRODUCTION, "2"), "production 1 → 2"),
        ((Action.ROLLBACK, PRODUCTION, "2"), "production 1 → 2 (rollback)"),
        ((Action.REMOVE, PRODUCTION, None), "production 1 → none"),
        ((Action.ARCHIVE, None, "3"), "archived 3"),
        ((Action.RESTORE, None, "3"), "restored 3"),
    ],
)
def test_a_change_is_said_in_words(step: Step, summary: str) -> None:
    assert history(*sets("1"), step)[-1].summary == summary


def test_the_start_is_said_in_words() -> None:
    [entry] = history(start={PRODUCTION: "1"})
    assert entry.summary == "took over production 1 from an earlier release"


def test_a_name_and_a_reason_have_a_longest_length() -> None:
    for made in (Made("x" * 101, datetime.now(UTC)), Made("x", datetime.now(UTC), "y" * 1001)):
        with pytest.raises(ValueError, match="at most"):
            next_entry(None, Action.SET, made, alias=PRODUCTION, to="1")
