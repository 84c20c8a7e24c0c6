"""The model of counted leads: found in the registry, or looked up again after a pause."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from model.metadata import BundleError
from monitoring.telemetry.drift_gauges import DriftMetrics
from schemas.model_identity import ModelIdentity
from stream.drift import watched_models as module
from stream.drift.watched_models import WatchedModels
from stream.process.backoff import MODEL_LOOKUP_PAUSE
from stream.settings import load_settings
from testing.fake_app import FakeTrials
from tests.unit.small_model import SmallModel


class Place:
    """Models of a registry, at a time that a test sets."""

    def __init__(self, model: SmallModel, trials: FakeTrials, **settings: Any) -> None:
        self.registry = CollectorRegistry()
        self.trials = trials
        self.models = WatchedModels(
            load_settings(registry=str(model.registry), **settings),
            trials,
            DriftMetrics(self.registry),
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Clock:
        now = 1000.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(module, "time", Clock)
    return Clock


def test_a_model_is_found_with_the_bins_that_drift_is_measured_by(model: SmallModel) -> None:
    place = Place(model, FakeTrials())
    found = place.models.find(model.bundle.identity)
    assert found is not None
    assert found.identity == model.bundle.identity
    assert found.layout.reference == model.bundle.metadata.shown_reference
    engagement = model.bundle.metadata.engagement
    names = ("leadscore_drift_engagement_low_ratio", "leadscore_drift_engagement_high_ratio")
    shown = [place.registry.get_sample_value(name) for name in names]
    assert shown == [engagement.low, engagement.high]


def test_a_model_that_is_not_there_is_looked_up_again_after_a_pause(
    model: SmallModel, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    place, missing = Place(model, FakeTrials()), ModelIdentity("leads", "9", "ab" * 32)
    for after in (0.0, MODEL_LOOKUP_PAUSE - 1, MODEL_LOOKUP_PAUSE):
        clock.now = 1000.0 + after
        assert place.models.find(missing) is None
    assert len(caplog.records) == 2, "once, and once more after the pause"
    assert "unknown model" in caplog.text


def test_another_model_of_the_same_version_is_not_used(
    model: SmallModel, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    own = model.bundle.identity
    place = Place(model, FakeTrials())
    assert place.models.find(ModelIdentity(own.id, own.version, "ab" * 32)) is None
    assert f"with sha256 {'ab' * 8}, but the registry has {own.sha256[:16]}" in caplog.text
    assert place.models.find(own) is not None, "the pause is that of the other model"


def test_a_refused_model_is_not_read_at_every_record(
    model: SmallModel, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def refuse(location: str, _: object) -> None:
        read.append(location)
        raise BundleError("it scores its golden rows otherwise")

    monkeypatch.setattr(module, "describe_bundle", refuse)
    place = Place(model, FakeTrials())
    for _ in range(3):
        assert place.models.find(model.bundle.identity) is None
    assert len(read) == 1
