"""The workers of the second act: started, waited for, and always ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import FatalError, StartupError
from stream.demo import chain as module
from stream.demo.chain import ROLES, Chain, StoppedError


class Worker:
    """A worker that runs, unless it has a problem."""

    started: list[Worker]

    def __init__(self, environment: Mapping[str, str], folder: Path, *, name: str) -> None:
        self.role, self.name = environment["LEADSCORE_ROLE"], name
        self.log = folder / f"{name}.log"
        self.log.write_text("")
        self.problem: FatalError | None = None
        self.is_ended = False
        self.started.append(self)

    def check(self) -> None:
        if self.problem is not None:
            raise self.problem

    def end(self) -> None:
        self.is_ended = True


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[Worker]:
    monkeypatch.setattr(Worker, "started", [], raising=False)
    monkeypatch.setattr(module, "DemoWorker", Worker)
    monkeypatch.setattr(module, "LOOK", 0.0)
    return Worker.started


@pytest.fixture
def scorer(workers: list[Worker], tmp_path: Path) -> Worker:
    return Worker({"LEADSCORE_ROLE": "all"}, tmp_path, name="worker")


@pytest.fixture
def chain(scorer: Any, tmp_path: Path) -> Chain:
    return Chain({"LEADSCORE_ROLE": "all"}, tmp_path, scorer, asyncio.Event())


async def nothing() -> None:
    return None


async def test_it_waits_for_a_result_and_ends_its_workers(
    chain: Chain, workers: list[Worker]
) -> None:
    results = [7, None, None]

    async def find() -> int | None:
        return results.pop()

    with chain.running():
        assert [worker.role for worker in workers[1:]] == list(ROLES)
        assert await chain.until("trainer", "a number", find, 60.0) == 7
    assert [worker.is_ended for worker in workers] == [False, True, True, True]


async def test_a_result_that_does_not_come_is_an_error_with_the_last_words_of_its_role(
    chain: Chain, workers: list[Worker]
) -> None:
    with chain.running():
        workers[1].log.write_text('{"message": "bank/2 waits: not clear"}\nno JSON\n')
        with pytest.raises(FatalError) as error:
            await chain.until("trainer", "a verdict", nothing, -1.0)
    assert str(error.value) == (
        "expected a verdict by the role trainer within -1 s, but there is none: its log,"
        f" {workers[1].log}, ends with: bank/2 waits: not clear"
    )
    assert all(worker.is_ended for worker in workers[1:])


async def test_a_log_without_a_message_ends_with_nothing(chain: Chain) -> None:
    with chain.running(), pytest.raises(FatalError, match="ends with: nothing"):
        await chain.until("rollout", "its end", nothing, -1.0)


@pytest.mark.parametrize("place", [0, 3])
async def test_any_worker_that_ends_is_an_error(
    chain: Chain, workers: list[Worker], place: int
) -> None:
    with chain.running():
        workers[place].problem = StartupError("it ended")
        with pytest.raises(StartupError, match="it ended"):
            await chain.until("trainer", "a verdict", nothing, 60.0)


async def test_a_signal_ends_the_wait(scorer: Any, tmp_path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(StoppedError):
        await Chain({}, tmp_path, scorer, stop).until("trainer", "a verdict", nothing, 60.0)
