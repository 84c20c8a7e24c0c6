"""The trainer plans with its own rights, executes in a child, reads evidence and hands on."""

from __future__ import annotations

from typing import Any

import pytest

from agents.retraining.triggers import Evidence
from stream.kafka.access import Use
from stream.retraining import trainer_work
from stream.retraining.ledger import Ledger
from stream.retraining.plan import RetrainAccount
from stream.retraining.request import RetrainRequest
from stream.retraining.trainer_work import TrainerWork
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan


async def test_each_part_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    async def make_plan(_: Any, request: RetrainRequest, _now: Any, *, use: Use) -> Any:
        seen.append(use)
        return plan(request.request_id)

    async def run_in_child(own: Any, _: Any) -> RetrainAccount:
        return RetrainAccount(outcome="passed", sentence=own.id)

    class Reader:
        def __init__(self, _: Any) -> None:
            pass

        async def read(self, _: Ledger, now: int) -> Evidence:
            return Evidence(now=now, model="leads/3")

    monkeypatch.setattr(trainer_work, "make_plan", make_plan)
    monkeypatch.setattr(trainer_work, "run_in_child", run_in_child)
    monkeypatch.setattr(trainer_work, "EvidenceReader", Reader)

    class Chain:
        def __init__(self, _: Any) -> None:
            pass

        async def step(self, records: Any, at: Any) -> None:
            seen.append((list(records), at))

        async def waits_since(self, records: Any) -> Any:
            return NOW if list(records) == [] else None

    monkeypatch.setattr(trainer_work, "HandOver", Chain)
    work = TrainerWork(load_settings())
    planned = await work.plan(RetrainRequest("r7", 1, "anna"), NOW)
    assert (planned.id, seen) == ("r7", [Use.TRAIN])
    assert (await work.execute(planned, print)).sentence == "r7"
    assert (await work.evidence(Ledger({}), 5)).now == 5
    await work.hand_over(Ledger({}), NOW)
    assert seen[-1] == ([], NOW)
    assert await work.waits_since(Ledger({})) == NOW
