"""Dry runs of `leadscore replay`: of a new replay, and of one that has a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from schemas.errors import InputError
from stream.cli import replay_dry_run as module
from stream.cli import replay_run
from stream.cli.replay_dry_run import dry_run, left_of
from stream.replay.account import Account
from stream.replay.plan import ReplayPlan
from stream.replay.runner import Progress
from stream.replay.shards import Shard
from stream.replay.trial import Estimate
from stream.settings import Settings
from tests.unit.stream.cli.test_replay_run import OPTIONS, WANTED, FakeReplays, install
from tests.unit.stream.replay.test_plan import RANGES, plan_of

HALF = [
    Progress(RANGES[0], 20, Account(scored=15)),
    Progress(RANGES[1], RANGES[1].start, Account()),
]


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> FakeReplays:
    replays = FakeReplays()
    install(monkeypatch, replays)

    async def try_out(settings: Settings, plan: ReplayPlan) -> Estimate:
        return Estimate(52, 0, 52, 50, 0, {"TYPE": 2}, 52, 50, 2, 100, 100, 0.1)

    async def read_progress(settings: Settings, plan: ReplayPlan) -> list[Progress]:
        return HALF

    async def make_plan(*_: object) -> ReplayPlan:
        return plan_of()

    monkeypatch.setattr(module, "PlanLog", lambda settings: replays)
    monkeypatch.setattr(module, "make_plan", make_plan)
    monkeypatch.setattr(module, "try_out", try_out)
    monkeypatch.setattr(replay_run, "read_progress", read_progress)
    return replays


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    [line] = capsys.readouterr().out.splitlines()
    return orjson.loads(line)


async def test_a_new_replay_is_estimated_and_not_planned(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    await dry_run(Settings(), WANTED, (), OPTIONS)
    line = printed(capsys)
    assert (line["event"], line["scored"], line["letters"]) == ("dry_run", 50, 2)
    assert (replays.written, replays.executed) == ([], [])


async def test_an_id_that_has_a_plan_shows_what_is_left_of_that(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    """It showed a new range, which the command without --dry-run would not have scored."""
    replays.add(plan_of(id="mine"))
    await dry_run(Settings(), replace(WANTED, id="mine"), (), OPTIONS)
    line = printed(capsys)
    assert (line["replay_id"], line["offsets"], line["partitions"]) == ("mine", 37, [0, 3])


async def test_a_shard_shows_the_offsets_left_in_its_partitions(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    replays.add(plan_of())
    await left_of(Settings(), "r1", [Shard(1, 2)], OPTIONS | {"is_json": False})
    out = capsys.readouterr().out
    assert "would score 7 offsets of leads.created in 1 partition into" in out
    assert out.endswith("nothing was written\n")


async def test_nothing_is_left_of_a_replay_that_was_cancelled(replays: FakeReplays) -> None:
    replays.add(plan_of(), "cancelled")
    with pytest.raises(InputError, match="was cancelled"):
        await left_of(Settings(), "r1", (), OPTIONS)
