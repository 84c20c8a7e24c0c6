"""The second act: outcomes of the first half alone, a cut at the second, which judges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from features.table_file import parse_table
from schemas.lead_outcome import OutcomeReader
from schemas.store import SchemaStore
from stream.demo import second_act as module
from stream.demo.second_act import play_second_act
from stream.retraining.plan import RetrainAccount
from stream.settings import Settings, load_settings
from tests.unit.stream.retraining.records import plan

DAY = 86_400_000
CONTACTS = parse_table(
    b"lead_id,created_at,y\n"
    + b"".join(
        b"L-%d,2008-05-%02d,%s\n" % (i, i + 1, b"yes" if i % 2 else b"no") for i in range(10)
    ),
    "contacts",
)


class Stage:
    """Kafka and the registry, as far as the second act uses them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, version: str | None = "2") -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.order: list[str] = []
        self.cut_ms: int | None = None
        self.account = RetrainAccount(outcome="passed", sentence="better", version=version)
        monkeypatch.setattr(module, "connected_producer", self._producer)
        monkeypatch.setattr(module, "make_plan", self._plan)
        monkeypatch.setattr(module, "execute", self._execute)
        monkeypatch.setattr(module, "RetrainLog", lambda _: self)
        monkeypatch.setattr(module, "_auc", self._auc)

    @asynccontextmanager
    async def _producer(self, _: Settings) -> AsyncIterator[Any]:
        yield self

    async def send(self, topic: str, value: bytes, key: bytes) -> None:
        assert topic == "leads.outcomes"
        self.sent.append((key.decode(), value))

    async def flush(self) -> None:
        self.order.append("sent")

    async def _plan(self, settings: Settings, *_: Any, cut_ms: int) -> Any:
        assert settings.retrain_time == "created"
        self.cut_ms = cut_ms
        return plan("r1")

    async def write(self, _: Any, account: RetrainAccount | None = None) -> None:
        self.order.append("planned" if account is None else "ended")

    async def _execute(self, *_: Any) -> RetrainAccount:
        self.order.append("executed")
        return self.account

    def _auc(self, _: Any, name: str, contacts: Any, labels: Any) -> float:
        assert np.array_equal(labels, [True, False, True, False, True])
        return 0.49 if name == "leads/3" else 0.74


async def test_the_first_half_is_learnt_from_and_the_second_one_judges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage(monkeypatch)
    act = await play_second_act(load_settings(), CONTACTS, lambda _: None)
    assert [key for key, _ in stage.sent] == [f"L-{i}" for i in range(5)]
    assert stage.order == ["sent", "planned", "executed", "ended"]
    assert (act.auc_before, act.auc_after, act.judged) == (0.49, 0.74, 5)
    read = OutcomeReader(SchemaStore.load()).read
    outcomes = [read(value, 2**41) for _, value in stage.sent]
    assert [outcome.outcome for outcome in outcomes] == ["lost", "converted"] * 2 + ["lost"]
    assert stage.cut_ms is not None
    assert max(outcome.occurred_at for outcome in outcomes) < stage.cut_ms == act.cut_ms


async def test_without_a_candidate_there_is_no_auc_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    Stage(monkeypatch, version=None)
    act = await play_second_act(load_settings(), CONTACTS, lambda _: None)
    assert act.auc_after is None
