"""Finds the model of counted leads in the registry, with all that its drift is measured by."""

from __future__ import annotations

import logging
import time

from agents.watched_model import WatchedModel
from features.counts import CountLayout
from model.bundle import describe_bundle
from model.registry import ModelNotFoundError, Registry
from monitoring.drift.assessment import Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation
from monitoring.drift.detectors import RollingDetectors
from monitoring.drift.field_drift import DriftThresholds
from monitoring.telemetry.drift_gauges import DriftMetrics
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.process.backoff import MODEL_LOOKUP_PAUSE
from stream.process.model_trial import Trials
from stream.settings import Settings

__all__ = ["WatchedModels"]

log = logging.getLogger(__name__)


class WatchedModels:
    """Finds models; one that the registry does not have is looked up again after a pause.

    Parameters
    ----------
    settings
        The registry, and how drift is measured.
    trials
        Try a model before it is opened here.
    metrics
        Show the range of healthy scores.
    """

    def __init__(self, settings: Settings, trials: Trials, metrics: DriftMetrics) -> None:
        self._settings = settings
        self._trials = trials
        self._metrics = metrics
        self._next_lookup: dict[str, float] = {}

    def find(self, identity: ModelIdentity) -> WatchedModel | None:
        """Return a model; None where the registry does not have it, or has another in its place."""
        now = time.monotonic()
        if now < self._next_lookup.get(identity.sha256, now):
            return None
        try:
            location = Registry(self._settings.registry).resolve(
                f"{identity.id}/{identity.version}"
            )
            bundle = describe_bundle(location, self._trials)
        except (ModelNotFoundError, FatalError) as error:
            self._next_lookup[identity.sha256] = now + MODEL_LOOKUP_PAUSE
            log.warning("leads of an unknown model are counted but not assessed: %s", error)
            return None
        if bundle.sha256 != identity.sha256:
            self._next_lookup[identity.sha256] = now + MODEL_LOOKUP_PAUSE
            log.warning(
                "leads are counted but not assessed: they were scored by %s/%s with sha256 %s, but"
                " the registry has %s",
                *(identity.id, identity.version, identity.sha256[:16], bundle.sha256[:16]),
            )
            return None
        metadata = bundle.metadata
        layout = CountLayout(metadata.shown_reference)
        engagement = (metadata.engagement.low, metadata.engagement.high)
        self._metrics.show_engagement_range(*engagement)
        return WatchedModel(
            identity=identity,
            layout=layout,
            assessor=Assessor(
                layout,
                importance=metadata.shown_importance,
                engagement=engagement,
                thresholds=DriftThresholds(min_leads=self._settings.drift_min_leads),
            ),
            detectors=RollingDetectors(layout, page_hinkley=self._settings.drift_page_hinkley),
            confirmation=ChangeConfirmation(season_ms=self._settings.drift_season_ms),
        )
