"""The work of `leadscore replay`: which plan is executed, how it ends, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
import pytest

from schemas.errors import InputError, StartupError
from stream.cli import replay_run as module
from stream.cli.replay_display import ReplayDisplay
from stream.cli.replay_run import code_of, resume_replay, run, shown_progress, start_replay
from stream.replay.account import Account
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayPlan, ReplayRecord, State
from stream.replay.ranges import BEGINNING, END, PartitionRange
from stream.replay.runner import Progress
from stream.replay.shards import Shard
from stream.settings import Settings
from testing.jumping_time import in_jumping_time
from tests.unit.stream.replay.test_plan import NOW, RANGES, plan_of

OPTIONS: dict[str, Any] = {
    "is_json": True, "max_rate": None, "workers": 1, "textfile": None, "port": None, "yes": False
}  # fmt: skip
WANTED = Wanted(
    start=BEGINNING,
    end=END,
    model="leads",
    topic="leads.created",
    filters=[("country", "DE")],
    sample=0.5,
)
DONE = [Progress(each, each.end, Account(scored=each.offsets)) for each in RANGES]
SHORT = [Progress(RANGES[0], RANGES[0].end, Account(scored=1)), DONE[1]]


@dataclass
class FakeReplays:
    """The topic of plans, and replays that are executed at once.

    Attributes
    ----------
    records
        By id.
    planned_after
        Number of looks after which another process has written a plan.
    is_done
        Whether the ranges of this process are done in the end.
    settled
        The progress if all ranges are done.
    has_other
        Whether another process executes the same ranges.
    """

    records: dict[str, ReplayRecord] = field(default_factory=dict)
    planned_after: int | None = None
    is_done: bool = True
    settled: list[Progress] | None = field(default_factory=lambda: DONE)
    made: ReplayPlan = field(default_factory=plan_of)
    written: list[State] = field(default_factory=list)
    executed: list[list[int]] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)
    has_other: bool = False
    outputs: int = 0
    looks: int = 0

    def add(self, plan: ReplayPlan, state: State = "planned", **given: Any) -> None:
        self.records[plan.id] = ReplayRecord(state=state, plan=plan, written_at=NOW, **given)

    # As a PlanLog

    async def get(self, replay_id: str) -> ReplayRecord | None:
        self.looks += 1
        if self.planned_after is not None and self.looks > self.planned_after:
            self.add(self.made)
        return self.records.get(replay_id)

    async def find(self, replay_id: str) -> ReplayRecord:
        return self.records[replay_id]

    async def write(self, state: State, plan: ReplayPlan) -> None:
        self.written.append(state)
        self.add(plan, state)


def install(patch: pytest.MonkeyPatch, replays: FakeReplays) -> None:
    async def make_plan(settings: Settings, wanted: Wanted, now: datetime) -> ReplayPlan:
        return replays.made

    async def create_outputs(settings: Settings, plan: ReplayPlan) -> None:
        replays.outputs += 1

    async def execute(
        settings: Any, plan: Any, ranges: Sequence[PartitionRange], *_: object
    ) -> bool:
        replays.executed.append([each.partition for each in ranges])
        return replays.is_done

    async def execute_in_processes(
        settings: Any, plan: Any, shards: Any, workers: int, *_: object
    ) -> bool:
        replays.shared.append(workers)
        return replays.is_done

    async def settle(settings: Settings, plan: ReplayPlan) -> list[Progress] | None:
        return replays.settled

    async def require_same_topic(settings: Settings, plan: ReplayPlan) -> None:
        return None

    async def check_progress(settings: Settings, plan: ReplayPlan, ranges: Any) -> None:
        return None

    async def require_alone(settings: Settings, plan: ReplayPlan, ranges: Any) -> None:
        if replays.has_other:
            raise StartupError("another process")

    def load_selection(plan: ReplayPlan, settings: Settings) -> None:
        if ("age", "old") in plan.filters:
            raise InputError("--filter age: expected a number")

    patch.setattr(module, "load_selection", load_selection)
    patch.setattr(module, "PlanLog", lambda settings: replays)
    patch.setattr(module, "require_alone", require_alone)
    patch.setattr(module, "check_progress", check_progress)
    patch.setattr(module, "require_same_topic", require_same_topic)
    patch.setattr(module, "make_plan", make_plan)
    patch.setattr(module, "create_outputs", create_outputs)
    patch.setattr(module, "execute", execute)
    patch.setattr(module, "execute_in_processes", execute_in_processes)
    patch.setattr(module, "settle", settle)


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> FakeReplays:
    replays = FakeReplays()
    install(monkeypatch, replays)
    return replays


async def start(wanted: Wanted = WANTED, shards: Sequence[Shard] = (), **options: Any) -> int:
    return await start_replay(Settings(), wanted, shards, OPTIONS | options)


async def test_a_new_replay_is_planned_before_anything_is_scored(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await start() == 0
    assert (replays.written, replays.executed) == (["planned"], [[0, 3]])
    said = capsys.readouterr()
    assert "if it is stopped: leadscore replay resume r1" in said.err
    [line] = [orjson.loads(line) for line in said.out.splitlines()]
    assert (line["event"], line["replay_id"]) == ("ended", "r1")
    assert [each["partition"] for each in line["partitions"]] == [0, 3]


async def test_a_filter_that_never_matches_is_refused_before_it_is_planned(
    replays: FakeReplays,
) -> None:
    """It was planned, and no resumption could execute it."""
    replays.made = plan_of(filters=(("age", "old"),))
    with pytest.raises(InputError, match="expected a number"):
        await start()
    assert replays.written == []


async def test_an_id_that_has_a_plan_continues_by_that_plan_and_says_so(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    replays.add(plan_of(id="mine"))
    assert await start(replace(WANTED, id="mine")) == 0
    assert replays.written == []
    assert "note: replay mine is continued by its plan" in capsys.readouterr().err


async def test_an_id_of_a_replay_with_other_options_is_refused(replays: FakeReplays) -> None:
    replays.add(plan_of(id="mine"))
    with pytest.raises(InputError, match="other --sample"):
        await start(replace(WANTED, id="mine", sample=1.0))
    assert replays.executed == []


async def test_a_shard_executes_its_partitions_and_leaves_the_end_to_the_last(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    replays.add(plan_of(id="mine"))
    replays.settled = None
    wanted = replace(WANTED, id="mine")
    assert await start(wanted, [Shard(1, 2)]) == 0
    assert replays.executed == [[3]]
    [line] = capsys.readouterr().out.splitlines()
    assert orjson.loads(line) == {
        "event": "shard_ended",
        "replay_id": "mine",
        "partitions": [3],
    }
    assert await start(wanted, [Shard(1, 2)], is_json=False) == 0
    assert "this shard is done; others are not yet" in capsys.readouterr().err


@in_jumping_time
async def test_a_later_shard_waits_for_the_plan_of_the_first() -> None:
    replays = FakeReplays(planned_after=5)
    with pytest.MonkeyPatch.context() as patch:
        install(patch, replays)
        wanted = replace(WANTED, id="r1")
        assert await start(wanted, [Shard(1, 2)]) == 0
    assert replays.written == []
    assert replays.looks > 5


@in_jumping_time
async def test_a_plan_that_never_comes_ends_a_shard_with_what_to_start() -> None:
    with pytest.MonkeyPatch.context() as patch:
        install(patch, FakeReplays())
        wanted = replace(WANTED, id="r1")
        with pytest.raises(StartupError, match=r"start it with --shard 1/N"):
            await start(wanted, [Shard(1, 2)])


async def test_a_later_shard_needs_an_id(replays: FakeReplays) -> None:
    with pytest.raises(InputError, match="--id"):
        await start(WANTED, [Shard(1, 2)])


async def test_a_replay_that_was_cancelled_is_not_resumed(replays: FakeReplays) -> None:
    replays.add(plan_of(), "cancelled")
    with pytest.raises(InputError, match="r1 was cancelled: start a new one"):
        await resume_replay(Settings(), "r1", (), OPTIONS)
    assert replays.executed == []


async def test_a_replay_that_another_process_executes_is_not_resumed(
    replays: FakeReplays,
) -> None:
    replays.add(plan_of())
    replays.has_other = True
    with pytest.raises(StartupError, match="another process"):
        await resume_replay(Settings(), "r1", (), OPTIONS)
    assert replays.executed == []


async def test_a_replay_that_has_ended_shows_its_account_and_scores_nothing(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = {each.range.partition: each.account for each in DONE}
    replays.add(plan_of(), "ended", accounts=accounts)
    assert await resume_replay(Settings(), "r1", (), OPTIONS) == 0
    assert (replays.executed, replays.outputs) == ([], 0)
    out, err = capsys.readouterr()
    assert '"event":"ended"' in out
    assert "has ended, so nothing is scored" in err


async def test_a_stopped_replay_says_how_to_continue(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    replays.add(plan_of())
    replays.is_done = False
    assert await resume_replay(Settings(), "r1", (), OPTIONS) == 130
    assert "leadscore replay resume r1" in capsys.readouterr().err


async def test_a_replay_stops_when_nobody_reads_its_output_any_more(
    replays: FakeReplays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It continued without progress, and its end was not written."""

    class Closed(ReplayDisplay):
        def __call__(self, *_: object) -> None:
            raise BrokenPipeError

    async def execute(_: Any, __: Any, ___: Any, throttle: Any, show: Any, stop: Any) -> bool:
        show([], throttle)
        return not stop.is_set()

    discarded: list[str] = []
    monkeypatch.setattr(module, "ReplayDisplay", Closed)
    monkeypatch.setattr(module, "discard_output", lambda: discarded.append("output"))
    monkeypatch.setattr(module, "execute", execute)
    replays.add(plan_of())
    assert await resume_replay(Settings(), "r1", (), OPTIONS) == 130
    assert "leadscore replay resume r1" in capsys.readouterr().err
    assert discarded == ["output"]


async def test_an_account_that_does_not_add_up_has_an_exit_code_of_its_own(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    replays.add(plan_of())
    replays.settled = SHORT
    assert await resume_replay(Settings(), "r1", (), OPTIONS) == 4
    assert "the account does not add up" in capsys.readouterr().err
    assert (code_of(DONE), code_of(SHORT)) == (0, 4)


async def test_people_read_that_an_account_adds_up(
    replays: FakeReplays, capsys: pytest.CaptureFixture[str]
) -> None:
    replays.add(plan_of())
    assert await resume_replay(Settings(), "r1", (), OPTIONS | {"is_json": False}) == 0
    assert capsys.readouterr().out.endswith(
        "The account adds up: every offset of the ranges is in one column\n"
    )


async def test_there_are_no_more_processes_than_ranges(replays: FakeReplays) -> None:
    replays.add(plan_of())
    await resume_replay(Settings(), "r1", (), OPTIONS | {"workers": 8})
    assert (replays.shared, replays.executed) == ([2], [])


async def test_a_shard_without_a_partition_is_done_at_once(replays: FakeReplays) -> None:
    replays.add(plan_of())
    assert await resume_replay(Settings(), "r1", [Shard(2, 3)], OPTIONS) == 0
    assert replays.executed == []


async def test_the_topic_of_the_workers_needs_a_confirmation(
    replays: FakeReplays, monkeypatch: pytest.MonkeyPatch
) -> None:
    replays.made = plan_of(is_into_live=True, out="leads.scored")
    with pytest.raises(InputError, match=r"52 offsets .* into leads\.scored.*give --yes"):
        await start()
    assert (replays.written, replays.executed) == ([], [])
    assert await start(yes=True) == 0


async def test_the_progress_of_a_replay_that_has_ended_is_its_account(
    replays: FakeReplays, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commits of its group expire a week later."""

    async def expired(settings: Settings, plan: ReplayPlan) -> list[Progress]:
        return [Progress(each, each.start, Account()) for each in plan.ranges]

    monkeypatch.setattr(module, "read_progress", expired)
    replays.add(plan_of())
    _, running = await shown_progress(Settings(), "r1")
    assert [each.is_done for each in running] == [False, False]
    accounts = {each.range.partition: each.account for each in DONE}
    replays.add(plan_of(), "ended", accounts=accounts)
    record, ended = await shown_progress(Settings(), "r1")
    assert (record.state, ended) == ("ended", DONE)


@pytest.mark.parametrize("uvloop", [True, False])
def test_work_runs_on_the_loop_of_a_worker_and_gives_way_to_workers(
    uvloop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(module, "give_way", lambda: calls.append("gave way"))

    async def work() -> str:
        calls.append("worked")
        return type(asyncio.get_running_loop()).__module__

    assert run(Settings(uvloop=uvloop), work()).startswith("asyncio") is not uvloop
    assert calls == ["gave way", "worked"]
