"""The model of the REST server: loaded, replaced and described."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from model.bundle import describe_bundle
from model.metadata import BundleError
from model.registry import Alias, Registry
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.model_metrics import ModelMetrics
from stream.process.model_trial import Trials
from stream.rest.leads import SOURCE
from stream.scoring.model_loader import ModelLoader
from stream.scoring.serving_model import Serving
from stream.settings import Settings

__all__ = ["ModelService", "rest_settings"]


def rest_settings(settings: Settings) -> Settings:
    """Return settings by which a scorer writes JSON, names its source, and counts no drift.

    It does not grade either: a score may come from the cache, a grade must not.
    """
    changes = {"leads_created": SOURCE, "output_format": "json", "drift": False}
    return settings.model_copy(update=changes | {"grade_rules": None})


class ModelService:
    """Serves the model that the settings' reference leads to, now and later.

    Parameters
    ----------
    settings
        The registry, the reference, and the rules of scoring.
    metrics
        Show which model is loaded, and count the loads that fail.
    health
        Shows whether a model is loaded, or why none is.

    Attributes
    ----------
    serving
        The model in service; None before the first.
    """

    def __init__(self, settings: Settings, metrics: ModelMetrics, health: Health) -> None:
        self.serving: Serving | None = None
        self._settings = settings
        self._health = health
        self._trials = Trials()
        self._loader = ModelLoader(rest_settings(settings), metrics, self._trials)
        self._registry = Registry(settings.registry)

    async def run(self) -> None:
        """Look for another model at each interval, until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(self._settings.model_poll_seconds)
        finally:
            self._loader.stop()

    async def look(self) -> None:
        """Serve the model that the reference leads to, if it is another and can be loaded."""
        serving = await self._loader.look()
        if serving is not None:
            self._serve(serving)
        elif self.serving is None and self._loader.problem is not None:
            self._health.miss(Condition.MODEL_LOADED, self._loader.problem)

    def _serve(self, serving: Serving) -> None:
        self.serving = serving
        self._health.meet(Condition.MODEL_LOADED)

    @property
    def sha256(self) -> str | None:
        """The hash of the model in service."""
        return None if self.serving is None else self.serving.identity.sha256

    @property
    def stage(self) -> str | None:
        """The alias that the reference names, ``version`` where it names a version."""
        if self.serving is None:
            return None
        _, _, alias = self._settings.model.partition("@")
        if alias:
            return alias
        return "version" if "/" in self._settings.model else str(Alias.PRODUCTION)

    async def models(self) -> Sequence[Mapping[str, Any]]:
        """Return all models of the registry, with their versions and aliases."""
        return await asyncio.to_thread(self._models)

    def _models(self) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "name": name,
                "versions": self._registry.versions(name),
                "aliases": {str(at): to for at, to in self._registry.aliases(name).items()},
            }
            for name in self._registry.names()
        ]

    async def info(self) -> Mapping[str, Any] | None:
        """Return the model in service and the one with the alias ``shadow``; None without one."""
        if self.serving is None:
            return None
        shadow = await asyncio.to_thread(self._shadow, self.serving.identity.id)
        return {"production": dict(self.serving.info), "shadow": shadow}

    def _shadow(self, name: str) -> Mapping[str, Any] | None:
        try:
            bundle = describe_bundle(self._registry.resolve(f"{name}@shadow"), self._trials)
        except BundleError:
            return None
        return {
            "name": bundle.name,
            "version": bundle.version,
            "sha256": bundle.sha256,
            "metrics": bundle.metadata.metrics,
        }
