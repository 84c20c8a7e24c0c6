"""Serves the model that the settings' reference leads to, and its canary, now and later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from mode import Service

from monitoring.telemetry.health import Condition, Health
from stream.process.background_tasks import Crash
from stream.scoring.canary import Canaries
from stream.scoring.model_changes import ModelChanges
from stream.scoring.model_loader import ModelLoader
from stream.scoring.pipeline import ScoringPipeline
from stream.scoring.serving_model import Serving

__all__ = ["ModelReloader"]

FIRST_CANARY_LIMIT = 30.0
"""Seconds for a first canary to be loaded: without it, partitions would change to production alone
and back at each start of a worker."""
CHANGE_LOOK = 1.0
"""Seconds between two looks for idle partitions whose model is to change."""


class ModelReloader(Service):
    """A service that looks up the model reference and has each new model score.

    Parameters
    ----------
    loader
        Finds and loads the model.
    canaries
        Find and load the canary beside it.
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
        canaries: Canaries,
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
        self._canaries = canaries
        self._production: Serving | None = None
        self._joined: object = None
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

        A change under way continues until the assignment ends: it has stopped the scoring, and with
        it cancelled, leads would be scored by a model other than the one about to be committed.
        """
        self._has_ended = True
        self._loader.stop()

    async def on_stop(self) -> None:
        """Load no model and begin no change from now on."""
        self.end()
        await self._canaries.stop()

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
        """Serve the model that the reference leads to, and the canary, once they can be loaded.

        The canary is looked up first, and joined last: if it has gone into production meanwhile,
        that is seen in the same turn, and no lead goes back to the model before.
        """
        await self._canaries.look()
        loaded = await self._loader.look()
        if loaded is not None:
            self._production = loaded
        if self._production is None:
            if self._loader.problem is not None:
                self._health.miss(Condition.MODEL_LOADED, self._loader.problem)
            return
        if self.serving is None:
            await self._canaries.loaded(FIRST_CANARY_LIMIT)
        joined = self._canaries.key()
        if loaded is not None or joined != self._joined:
            self._joined = joined
            self._serve(self._canaries.beside(self._production))

    def _serve(self, serving: Serving) -> None:
        self.serving = serving
        self._changes.serve(serving)
        self._pipeline.scorer = serving.scorer
        self._health.meet(Condition.MODEL_LOADED)
        self.is_loaded.set()
