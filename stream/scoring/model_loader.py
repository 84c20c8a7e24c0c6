"""Loads the model that the settings name, again and again until it can be loaded."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from model.metadata import BundleError, UnavailableError
from monitoring.telemetry.model_metrics import ModelMetrics
from schemas.errors import FatalError, LoadFailure
from schemas.registered import RegisteredSchemas
from stream.process.background_tasks import BackgroundTasks, all_ended
from stream.process.backoff import Backoff
from stream.process.deadlines import now
from stream.process.model_trial import Trials
from stream.scoring.serving_model import Serving, load_serving, locate
from stream.settings import Settings

__all__ = ["LONGEST_WAIT", "ModelLoader"]

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds between two attempts to load the same bundle, at most."""

PATIENCE = 120.0
"""Seconds that an attempt may take before it is logged that the store does not answer."""


class ModelLoader:
    """Finds the bundle that the settings' reference leads to, and loads it when it is another one.

    A load that fails is tried again after a wait that doubles from the poll interval up to
    ``LONGEST_WAIT``, whatever it failed of: a bundle may be half copied, and a trial that was ended
    may have been unlucky. A reference that leads elsewhere is tried at once.

    Parameters
    ----------
    settings
        The reference, and how often it is looked up.
    metrics
        Show which model is loaded, count failures, and show whether the last attempt failed.
    trials
        Try a model before it is opened here.
    registered
        What is known of the schema registry; None: there is none.
    clock
        Seconds of a monotonic clock.
    draw
        Returns a number from 0 to 1, for jitter.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: ModelMetrics,
        trials: Trials,
        *,
        registered: RegisteredSchemas | None = None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._trials = trials
        self._registered = registered
        self._clock = clock
        self._backoff = Backoff(settings.model_poll_seconds, LONGEST_WAIT, draw)
        self._tasks = BackgroundTasks()
        self._attempt: asyncio.Task[Serving | None] | None = None
        self._loaded: Serving | None = None
        self._loaded_from: str | None = None
        self._failed_at: str | None = None
        self._retry_at = 0.0
        self.problem: str | None = None
        """Why the last attempt failed; None where it did not."""

    async def look(self) -> Serving | None:
        """Return a model to serve from now on; None where there is nothing to change."""
        attempt = self._attempt or self._tasks.start(self._look())
        self._attempt = None
        try:
            has_ended = await all_ended({attempt}, now() + PATIENCE)
        except asyncio.CancelledError:
            attempt.cancel()
            raise
        if has_ended:
            return attempt.result()
        # A thread that waits for a file can't be interrupted: no other is started beside it.
        self._attempt = attempt
        self._fail(
            UnavailableError(
                f"{self._settings.registry} should answer within {PATIENCE:g} s, but it did not: "
                "check the mount, or the network to the store."
            )
        )
        return None

    async def _look(self) -> Serving | None:
        try:
            location = await asyncio.to_thread(locate, self._settings)
        except FatalError as error:
            self._fail(error)
            return None
        if self._loaded is not None and location == self._loaded_from:
            self._succeed()
            return None
        if location != self._failed_at:
            self._backoff.reset()
        elif self._backoff.failures and self._clock() < self._retry_at:
            return None
        try:
            load = partial(load_serving, registered=self._registered)
            serving = await asyncio.to_thread(load, self._settings, location, self._trials)
        except Exception as error:  # any error: the current model continues to score
            if self._trials.is_stopped:
                return None  # the worker stops, and ended the trial
            self._fail(error)
            self._wait(location)
            return None
        self._loaded, self._loaded_from = serving, location
        self._succeed()
        self._announce(serving)
        return serving

    def stop(self) -> None:
        """End an attempt that runs."""
        self._trials.stop()
        if self._attempt is not None:
            self._attempt.cancel()

    def _succeed(self) -> None:
        self._backoff.reset()
        self._failed_at = self.problem = None
        self._metrics.model_load_failing(False)

    def _announce(self, serving: Serving) -> None:
        self._metrics.model_loaded(
            serving.identity,
            engine=serving.engine,
            calibration=serving.calibration,
            published=serving.published,
        )
        log.info("model", extra={"model": dict(serving.info), "loops": _loops()})

    def _fail(self, error: Exception) -> None:
        failure = _failure(error)
        self._metrics.model_load_failed(failure)
        # While nothing serves yet, a model that is not there is waited for: nothing fails.
        self._metrics.model_load_failing(
            failure is not LoadFailure.NOT_FOUND or self._loaded is not None
        )
        sentence = str(error) if isinstance(error, FatalError) else f"Loading failed: {error!r}"
        if sentence != self.problem:
            is_known = isinstance(error, FatalError)
            log.warning("%s (%s)", sentence, self._consequence(), exc_info=not is_known)
        self.problem = sentence

    def _consequence(self) -> str:
        if self._loaded is None:
            return "not ready, nothing is consumed; tried again"
        model = self._loaded.identity
        return f"{model.id}/{model.version} continues to score; tried again"

    def _wait(self, location: str | None) -> None:
        self._failed_at = location
        self._retry_at = self._clock() + self._backoff.fail()


def _loops() -> str:
    """Return what runs the inner loops: compiled code or Python (schemas/column_reader.py)."""
    found = map(find_spec, ("schemas._compiled", "features._compiled"))
    return "compiled" if all(found) else "python"


def _failure(error: Exception) -> LoadFailure:
    if isinstance(error, BundleError):
        return error.failure
    return LoadFailure.CONTRACT if isinstance(error, FatalError) else LoadFailure.REFUSED
