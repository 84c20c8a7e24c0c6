"""Tasks beside a replay: it is cancelled, watched and shown until its ranges are done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError

from schemas.errors import FatalError
from stream.replay import execution as module
from stream.replay.account import Account
from stream.replay.execution import (
    CancelledReplayError,
    execute,
    execute_in_processes,
    settle,
)
from stream.replay.plan import ReplayPlan, ReplayRecord, State
from stream.replay.runner import Progress
from stream.replay.throttle import LiveState, Throttle
from stream.settings import Settings
from testing.jumping_time import in_jumping_time
from tests.unit.stream.replay.test_plan import NOW, RANGES, plan_of

DONE = [Progress(each, each.end, Account(scored=each.offsets)) for each in RANGES]
HALF = [Progress(RANGES[0], 20, Account(scored=15)), DONE[1]]


@dataclass
class FakeReplay:
    """A replay that takes some seconds, its log of plans, and its workers.

    Attributes
    ----------
    cancelled_after
        Seconds until another process cancels it; None: never.
    kafka_is_away
        Whether the log of plans can't be followed at first; it is cancelled meanwhile.
    """

    seconds: float = 3.5
    cancelled_after: float | None = None
    kafka_is_away: bool = False
    is_cancelled: bool = False
    error: Exception | None = None
    progress_now: list[Progress] = field(default_factory=lambda: DONE)
    written: list[tuple[State, Any]] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    watches: int = 0
    live: LiveState = field(default_factory=LiveState)

    # As a ReplayRun

    def progress(self) -> list[Progress]:
        return self.progress_now

    async def run(self, stop: asyncio.Event) -> bool:
        if self.error:
            raise self.error
        try:
            async with asyncio.timeout(self.seconds):
                await stop.wait()
            return False
        except TimeoutError:
            return True

    # As a PlanLog

    async def find(self, replay_id: str) -> ReplayRecord:
        state: State = "cancelled" if self.is_cancelled else "planned"
        return ReplayRecord(state=state, plan=plan_of(), written_at=NOW)

    async def follow(self, replay_id: str) -> AsyncIterator[ReplayRecord]:
        if self.kafka_is_away:
            self.kafka_is_away, self.is_cancelled = False, True
            raise NodeNotReadyError
        if self.is_cancelled:
            yield await self.find(replay_id)
        if self.cancelled_after is None:
            await asyncio.sleep(10_000)
        else:
            await asyncio.sleep(self.cancelled_after)
        yield ReplayRecord(state="cancelled", plan=plan_of(), written_at=NOW)

    async def write(self, state: State, plan: ReplayPlan, accounts: Any = None) -> None:
        self.written.append((state, accounts))


class FakeWatch:
    """Watches nothing, until it is cancelled."""

    def __init__(self, replay: FakeReplay) -> None:
        self._replay = replay

    async def run(self) -> None:
        self._replay.watches += 1
        try:
            await asyncio.sleep(10_000)
        finally:
            self._replay.watches -= 1


def install(patch: pytest.MonkeyPatch, replay: FakeReplay) -> None:
    async def read_progress(settings: Settings, plan: ReplayPlan) -> list[Progress]:
        return replay.progress_now

    def watch(
        settings: Settings, partitions: int, on_state: Callable[[LiveState], None]
    ) -> FakeWatch:
        replay.watched.append(settings.leads_created)
        on_state(replay.live)
        return FakeWatch(replay)

    patch.setattr(module, "ReplayRun", lambda settings, plan, ranges, pace: replay)
    patch.setattr(module, "PlanLog", lambda settings: replay)
    patch.setattr(module, "LiveWatch", watch)
    patch.setattr(module, "read_progress", read_progress)


async def run(
    replay: FakeReplay, settings: Settings | None = None, stop: asyncio.Event | None = None
) -> tuple[bool, list[float]]:
    """Execute it; return whether it is done, and the seconds at which it was shown."""
    shown: list[float] = []
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.MonkeyPatch.context() as patch:
        install(patch, replay)
        is_done = await execute(
            settings or Settings(),
            plan_of(),
            RANGES,
            Throttle(lag_limit=1, latency_limit_ms=1.0),
            lambda progress, throttle: shown.append(round(loop.time() - started, 1)),
            stop or asyncio.Event(),
        )
    return is_done, shown


@in_jumping_time
async def test_its_progress_is_shown_each_second_and_at_the_end() -> None:
    replay = FakeReplay()
    is_done, shown = await run(replay)
    assert is_done
    assert shown == [0.0, 1.0, 2.0, 3.0, 3.5]
    assert replay.watches == 0, "nothing runs on"


@in_jumping_time
async def test_a_cancellation_by_another_process_ends_it_with_a_sentence() -> None:
    replay = FakeReplay(cancelled_after=1.2)
    with pytest.raises(CancelledReplayError, match=r"r1 was cancelled.*leads\.rescored\.r1"):
        await run(replay)
    assert replay.watches == 0


@in_jumping_time
async def test_a_cancellation_while_kafka_is_unavailable_is_noticed_afterwards() -> None:
    with pytest.raises(CancelledReplayError, match="r1 was cancelled"):
        await run(FakeReplay(kafka_is_away=True))


@in_jumping_time
async def test_a_cancellation_after_the_last_lead_changes_nothing() -> None:
    class Late(FakeReplay):
        """Done at the moment at which it is cancelled."""

        async def run(self, stop: asyncio.Event) -> bool:
            await stop.wait()
            return True

    is_done, _ = await run(Late(cancelled_after=1.0))
    assert is_done


@in_jumping_time
async def test_a_stop_is_no_cancellation() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, stop.set)
    is_done, _ = await run(FakeReplay(), stop=stop)
    assert not is_done


@in_jumping_time
async def test_an_error_ends_what_runs_beside_it() -> None:
    replay = FakeReplay(error=FatalError("no"))
    with pytest.raises(FatalError, match="no"):
        await run(replay)
    assert replay.watches == 0


@in_jumping_time
async def test_workers_are_watched_only_where_they_read_the_topic_that_is_replayed() -> None:
    same, other = FakeReplay(), FakeReplay()
    await run(same)
    await run(other, Settings(leads_created="elsewhere"))
    assert (same.watched, other.watched) == (["leads.created"], [])


@in_jumping_time
async def test_a_replay_in_several_processes_shows_that_they_yield(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replay = FakeReplay(live=LiveState(lag=2))
    install(monkeypatch, replay)
    throttle = Throttle(lag_limit=1, latency_limit_ms=1.0)
    seen: list[str | None] = []

    async def run_workers(*_: object) -> bool:
        await asyncio.sleep(1.0)
        seen.append(throttle.yields_to)
        return True

    async def look() -> None:
        return None

    monkeypatch.setattr(module, "run_workers", run_workers)
    assert await execute_in_processes(
        Settings(), plan_of(), (), 2, None, throttle, look, asyncio.Event()
    )
    assert seen == ["the workers' lag is 2 records (limit 1)"]
    assert throttle.rate is None, "it reads nothing, and has no rate"
    assert replay.watches == 0


@in_jumping_time
@pytest.mark.parametrize(
    ("is_cancelled", "error"), [(True, CancelledReplayError), (False, FatalError)]
)
async def test_processes_that_end_as_the_replay_was_cancelled_say_so(
    monkeypatch: pytest.MonkeyPatch, is_cancelled: bool, error: type[Exception]
) -> None:
    """The sentence was that one had ended with 1, and to resume the replay."""
    install(monkeypatch, FakeReplay(is_cancelled=is_cancelled))

    async def run_workers(*_: object) -> bool:
        raise FatalError("one ended with 1")

    async def look() -> None:
        return None

    monkeypatch.setattr(module, "run_workers", run_workers)
    throttle, stop = Throttle(lag_limit=1, latency_limit_ms=1.0), asyncio.Event()
    with pytest.raises(error) as raised:
        await execute_in_processes(Settings(), plan_of(), (), 2, None, throttle, look, stop)
    assert type(raised.value) is error


async def test_the_end_is_written_with_the_account_of_every_range(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replay = FakeReplay()
    install(monkeypatch, replay)
    assert await settle(Settings(), plan_of()) == DONE
    accounts = {each.range.partition: each.account for each in DONE}
    assert replay.written == [("ended", accounts)]


async def test_no_end_is_written_while_another_process_has_a_range_that_is_not_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replay = FakeReplay(progress_now=HALF)
    install(monkeypatch, replay)
    assert await settle(Settings(), plan_of()) is None
    assert replay.written == []
