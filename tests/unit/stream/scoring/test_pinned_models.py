"""Models that commits name: loaded once, asked for again, or replaced by the current one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest

from model.registry import ModelNotFoundError
from schemas.model_identity import ModelIdentity
from stream.kafka.commit_metadata import ModelPin
from stream.scoring.pinned_models import LOAD_ATTEMPTS, PinnedModels
from stream.scoring.serving_model import Serving


def serving(version: str) -> Serving:
    scorer: Any = f"scorer {version}"
    return Serving(scorer, ModelIdentity("bank", version, version * 64), "onnx", "none", {})


CURRENT, EARLIER = serving("2"), serving("1")
PIN = ModelPin(EARLIER.identity, since=4)


class FakeChanges:
    """The models that a worker holds."""

    def __init__(self) -> None:
        self.current = CURRENT
        self.held = {CURRENT.identity}

    def has(self, pin: ModelPin) -> bool:
        return pin.model in self.held

    def keep(self, serving: Serving) -> None:
        self.held.add(serving.identity)


class Place:
    """A registry that answers with an error as often as one is given."""

    def __init__(self, *, ignores_pins: bool = False) -> None:
        self.loads: deque[Exception] = deque()
        self.loaded: list[ModelPin] = []
        self.missing = 0
        changes: Any = FakeChanges()
        self.models = PinnedModels(
            changes, self._load, self._count_missing, ignores_pins=ignores_pins
        )

    def _load(self, pin: ModelPin) -> Serving:
        self.loaded.append(pin)
        if self.loads:
            raise self.loads.popleft()
        return EARLIER

    def _count_missing(self) -> None:
        self.missing += 1


async def test_a_model_is_loaded_once_for_all_partitions() -> None:
    place = Place()
    await asyncio.gather(*(place.models.available(PIN, 10) for _ in range(4)))
    assert place.loaded == [PIN]


async def test_a_model_that_the_registry_lacks_is_counted_and_the_current_one_scores() -> None:
    place = Place()
    place.loads.append(ModelNotFoundError("no such version"))
    assert await place.models.available(PIN, 10) == ModelPin(CURRENT.identity, 10)
    assert (place.missing, len(place.loaded)) == (1, 1)


async def test_a_registry_that_is_slow_to_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.scoring.pinned_models.MODEL_LOAD_PAUSE", 0.0)
    place = Place()
    place.loads.extend([OSError("slow")] * (LOAD_ATTEMPTS - 1))
    found = await place.models.available(PIN, 10)
    assert found == PIN
    assert (place.missing, len(place.loaded)) == (0, LOAD_ATTEMPTS)


async def test_where_pins_are_ignored_the_current_model_scores_and_none_is_loaded() -> None:
    place = Place(ignores_pins=True)
    assert await place.models.available(PIN, 10) == ModelPin(CURRENT.identity, 10)
    assert place.loaded == []
