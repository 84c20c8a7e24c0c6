"""Serves the model that the settings' reference leads to, now and whenever it leads to another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from mode import Service

from monitoring.telemetry.health import Condition, Health
from stream.process.background_tasks import Crash
from stream.scoring.model_changes import ModelChanges
from stream.scoring.model_loader import ModelLoader
from stream.scoring.pipeline import ScoringPipeline
from stream.scoring.serving_model import Serving

__all__ = ["ModelReloader"]

CHANGE_LOOK = 1.0
"""Seconds between two looks for idle partitions whose model is to change."""


class ModelReloader(Service):
    """A service that looks up the model reference and has each new model score.

    Parameters
    ----------
    loader
        Finds and loads the model.
    changes
        Changes the model of each partition.
    pipeline
        Gets the scorer of what has no other model.
    health
        Shows whether a model is loaded, or why none is.
    poll_seconds
        Seconds between two lookups of the reference.
    crash
        Called with an unrecoverable error.

    Attributes
    ----------
    is_loaded
        Set once a first model is loaded.
    serving
        The latest model; None before the first.
    """

    def __init__(
        self,
        loader: ModelLoader,
        changes: ModelChanges,
        pipeline: ScoringPipeline,
        *,
        health: Health,
        poll_seconds: float,
        crash: Crash,
    ) -> None:
        super().__init__()
        self.is_loaded = asyncio.Event()
        self.serving: Serving | None = None
        self._has_ended = False
        self._loader = loader
        self._changes = changes
        self._pipeline = pipeline
        self._health = health
        self._poll_seconds = poll_seconds
        self._end_worker = crash

    @property
    def model_info(self) -> Mapping[str, Any] | None:
        """Model description for the HTTP port; None before the first model."""
        return None if self.serving is None else self.serving.info

    def end(self) -> None:
        """Load no model and begin no change from now on.

        A change under way goes on until the assignment ends: it has stopped the scoring, and with
        it cancelled, leads would be scored by a model other than the one about to be committed.
        """
        self._has_ended = True
        self._loader.stop()

    async def on_stop(self) -> None:
        """Load no model and begin no change from now on."""
        self.end()

    @property
    def _goes_on(self) -> bool:
        return not (self._has_ended or self.should_stop)

    @Service.task
    async def _reload(self) -> None:
        try:
            while self._goes_on:
                await self.reload()
                await self.sleep(self._poll_seconds)
        except Exception as error:
            await self._end_worker(error)

    @Service.task
    async def _change_idle_partitions(self) -> None:
        """Change the model of partitions that get no leads; elsewhere the next lead does."""
        while self._goes_on:
            try:
                await self._changes.change()
            except Exception as error:
                await self._end_worker(error)
            await self.sleep(CHANGE_LOOK)

    async def reload(self) -> None:
        """Serve the model that the reference leads to, if it is another and can be loaded."""
        serving = await self._loader.look()
        if serving is not None:
            self._serve(serving)
        elif self.serving is None and self._loader.problem is not None:
            self._health.miss(Condition.MODEL_LOADED, self._loader.problem)

    def _serve(self, serving: Serving) -> None:
        self.serving = serving
        self._changes.serve(serving)
        self._pipeline.scorer = serving.scorer
        self._health.meet(Condition.MODEL_LOADED)
        self.is_loaded.set()
