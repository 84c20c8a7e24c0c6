"""Waits for the outputs of the demo's worker, which have an end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from schemas.errors import StartupError
from stream.demo import outputs as module
from stream.demo.audit import Audit
from stream.demo.outputs import metrics_of, until_all_out
from stream.simulator.run import Played

SENT = Played(delivered=Counter(lead=2))


class Worker:
    """A worker whose counter goes up by one at each look."""

    def __init__(self) -> None:
        self.scored = 0
        self.audit: Audit | None = None

    def check(self) -> None:
        if self.audit is None:
            raise StartupError("it ended")
        self.audit.dead[0, len(self.audit.dead)] = "TYPE"

    def metrics(self) -> str:
        self.scored += 1
        return f"# HELP\nleadscore_leads_scored_total {self.scored}.0\n"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK", 0.0)


async def wait(audit: Audit, worker: Any, reading: Any = None, *, is_stopped: bool = False) -> None:
    stop = asyncio.Event()
    if is_stopped:
        stop.set()
    reading = reading or asyncio.get_running_loop().create_future()
    await until_all_out(audit, SENT, worker, reading, stop)


async def test_it_waits_for_as_many_outputs_as_leads() -> None:
    audit, worker = Audit(), Worker()
    worker.audit = audit
    await wait(audit, worker)
    assert audit.total == 2


async def test_an_error_of_the_worker_or_the_reader_is_raised() -> None:
    with pytest.raises(StartupError, match="it ended"):
        await wait(Audit(), Worker())
    worker, reading = Worker(), asyncio.get_running_loop().create_future()
    worker.audit = Audit()
    reading.set_exception(StartupError("the reader failed"))
    with pytest.raises(StartupError, match="the reader failed"):
        await wait(Audit(), worker, reading)


async def test_the_wait_ends_in_time_and_with_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    await wait(Audit(), Worker(), is_stopped=True)
    monkeypatch.setattr(module, "COME_OUT_WITHIN", 0.0)
    await wait(Audit(), Worker())


async def test_metrics_are_those_that_count_all_scored_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker: Any = Worker()
    assert "leadscore_leads_scored_total 3.0" in await metrics_of(worker, 3)
    monkeypatch.setattr(module, "COUNTED_WITHIN", 0.0)
    assert "leadscore_leads_scored_total 4.0" in await metrics_of(worker, 100)
