"""Plans of the command are its own; requests are written unless it is a dry run."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import InputError, StartupError
from stream.cli import retrain_run as module
from stream.cli.retrain_run import RunOptions, requested, run_plan, start
from stream.retraining.plan import RetrainAccount
from stream.settings import load_settings
from tests.unit.stream.retraining.records import plan, record

SETTINGS = load_settings(operator="anna")


class FakeLog:
    """The topics of plans and requests."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.found = record(plan("r1", executor="command"))

    async def write(self, *given: Any) -> None:
        self.written.append(given)

    async def request(self, request_id: str, _: bytes) -> None:
        self.written.append(request_id)

    async def find(self, _: str) -> Any:
        return self.found


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> FakeLog:
    log = FakeLog()

    async def make_plan(_: Any, request: Any, _now: Any, **given: Any) -> Any:
        return plan(request.request_id, requested_by=request.requested_by, executor="command")

    async def partition_counts(*_: Any) -> dict[str, int]:
        return {"leads.retrain": 1}

    monkeypatch.setattr(module, "RetrainLog", lambda _: log)
    monkeypatch.setattr(module, "make_plan", make_plan)
    monkeypatch.setattr(module, "partition_counts", partition_counts)
    return log


async def test_a_new_plan_is_written_before_it_is_executed(log: FakeLog) -> None:
    made = await start(SETTINGS, RunOptions())
    assert log.written == [(made,)]
    assert made.requested_by == "anna"


async def test_an_earlier_plan_is_gone_on_with(log: FakeLog) -> None:
    assert (await start(SETTINGS, RunOptions(retrain_id="r1"))).id == "r1"
    assert log.written == []


async def test_the_plan_of_a_trainer_is_left_to_it(log: FakeLog) -> None:
    log.found = record(plan("r1"))
    with pytest.raises(InputError, match="is a trainer's"):
        await start(SETTINGS, RunOptions(retrain_id="r1"))


async def test_the_account_is_written_at_the_end(
    log: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = RetrainAccount(outcome="passed", sentence="better")

    async def execute(*_: Any) -> RetrainAccount:
        return done

    monkeypatch.setattr(module, "execute", execute)
    monkeypatch.setattr(module, "give_way", lambda: None)
    own = plan("r1", executor="command")
    assert await run_plan(SETTINGS, own, print) == done
    assert log.written == [(own, done)]


async def test_a_request_is_written_unless_it_is_a_dry_run(log: FakeLog) -> None:
    await requested(SETTINGS, "prices", is_auto=None, dry_run=True)
    assert log.written == []
    asked = await requested(SETTINGS, "prices", is_auto=None, dry_run=False)
    assert log.written == [asked.request_id]
    assert (asked.requested_by, asked.reason) == ("anna", "prices")


async def test_a_missing_topic_is_an_error_with_the_command(
    log: FakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def partition_counts(*_: Any) -> dict[str, int]:
        return {}

    monkeypatch.setattr(module, "partition_counts", partition_counts)
    with pytest.raises(StartupError, match="leadscore topics create"):
        await requested(SETTINGS, "", is_auto=None, dry_run=False)
