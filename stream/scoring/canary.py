"""The canary beside the model in production: found in the registry, loaded, joined with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from agents.canary_split import CanarySplit
from agents.scoring import Scorer
from agents.split_scoring import SplitScorer
from model.registry import Alias, Registry, followed_model
from model.rollout_plan import RolloutPlan
from monitoring.telemetry.canary_metrics import CanaryMetrics
from schemas.errors import FatalError
from schemas.registered import RegisteredSchemas
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import Backoff
from stream.process.deadlines import now
from stream.process.model_trial import Trials
from stream.scoring.serving_model import Serving, load_serving
from stream.settings import Settings

__all__ = ["Canaries", "CanaryJoiner", "Found"]

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds between two attempts to load the same canary, at most."""
LOOK_LIMIT = 5.0
"""Seconds for the registry to answer; the present canary stays until it has."""
FAILURE_INTERVAL = 60.0
"""Seconds between two log lines about leads that the canary failed to score."""


@dataclass(frozen=True, slots=True)
class Found:
    """A canary in the registry.

    Attributes
    ----------
    location
        The folder of its bundle.
    rollout
        Its plan.
    """

    location: str
    rollout: RolloutPlan


class CanaryJoiner:
    """Joins a model with a canary, and reports what the canary fails to score.

    Parameters
    ----------
    metrics
        Count the leads of each arm.
    clock
        Seconds of a clock that measures short times.
    """

    def __init__(
        self, metrics: CanaryMetrics, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._failed, self._logged_at = 0, -FAILURE_INTERVAL

    def join(self, production: Serving, canary: Serving, split: CanarySplit) -> Serving:
        """Return what scores a share of the leads with the canary."""
        assert isinstance(production.scorer, Scorer)
        assert isinstance(canary.scorer, Scorer)
        scorer = SplitScorer(
            production.scorer,
            canary.scorer,
            split,
            clock=self._clock,
            on_scored=self._metrics.scored,
            on_failure=self._on_failure,
        )
        info = {**production.info, "canary": {**canary.info, "share": split.share}}
        return replace(production, scorer=scorer, canary=split, info=info)

    def _on_failure(self, error: Exception, leads: int) -> None:
        self._failed += leads
        if now() - self._logged_at >= FAILURE_INTERVAL:
            log.warning(
                "the canary failed to score %d leads, the model in production scored them: %s",
                *(self._failed, type(error).__name__),
            )
            self._failed, self._logged_at = 0, now()


class Canaries:
    """Finds the canary of the model that the settings follow, and loads it beside the worker.

    A canary that can't be loaded is tried again after a wait that doubles; until then the model in
    production scores all leads.

    Parameters
    ----------
    settings
        The registry, and the reference of the model in production.
    joiner
        Joins the two models.
    metrics
        Show the share, and failed loads.
    trials
        Try a model before it is opened here.
    registered
        What is known of the schema registry; None: there is none.
    """

    def __init__(
        self,
        settings: Settings,
        joiner: CanaryJoiner,
        metrics: CanaryMetrics,
        trials: Trials,
        *,
        registered: RegisteredSchemas | None = None,
    ) -> None:
        self._settings = settings
        self._name = followed_model(settings.model)
        self._joiner = joiner
        self._metrics = metrics
        self._trials = trials
        self._load = partial(load_serving, registered=registered)
        self._backoff = Backoff(settings.model_poll_seconds, LONGEST_WAIT)
        self._tasks = BackgroundTasks()
        self._found: Found | None = None
        self._loaded: tuple[str, Serving] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._retry_at = 0.0
        self._looking: asyncio.Task[Found | None] | None = None

    async def look(self) -> None:
        """Look up the canary, and begin to load it if it is another one."""
        if self._name is None:
            return
        looking = self._looking or self._tasks.start(asyncio.to_thread(self._look_up, self._name))
        self._looking = None
        done, _ = await asyncio.wait({looking}, timeout=LOOK_LIMIT)
        if not done:
            self._looking = looking
            return
        try:
            self._found = looking.result()
        except (FatalError, OSError) as error:
            log.warning("the canary can't be looked up, it stays as it is: %s", error)
            return
        self._begin_to_load()

    async def loaded(self, within: float) -> None:
        """Wait until a load that is under way has ended, for some seconds at most."""
        if self._loading is not None:
            await asyncio.wait({self._loading}, timeout=within)

    def beside(self, production: Serving) -> Serving:
        """Return a model with the canary that is loaded; alone where there is none."""
        canary = self._loaded_canary()
        if canary is None or canary.identity == production.identity:
            self._metrics.share(0)
            return production
        assert self._found is not None
        rollout = self._found.rollout
        split = CanarySplit(canary.identity, rollout.share, rollout.salt)
        self._metrics.share(rollout.share)
        return self._joiner.join(production, canary, split)

    async def stop(self) -> None:
        """Load nothing more."""
        await self._tasks.cancel()

    def key(self) -> object:
        """Return what changes when another canary, or another share, is to be joined."""
        return None if self._loaded_canary() is None else self._found

    def _loaded_canary(self) -> Serving | None:
        if self._found is None or self._loaded is None:
            return None
        location, serving = self._loaded
        return serving if location == self._found.location else None

    def _look_up(self, name: str) -> Found | None:
        registry = Registry(self._settings.registry)
        aliases = registry.aliases_now(name)
        version = aliases.aliases.get(Alias.CANARY)
        if version is None or aliases.rollout is None:
            return None
        return Found(registry.location(name, version), aliases.rollout)

    def _begin_to_load(self) -> None:
        found = self._found
        if found is None:
            self._loaded = None
            self._metrics.failing(False)
            self._backoff.reset()
            return
        is_loading = self._loading is not None and not self._loading.done()
        if self._loaded_canary() is None and not is_loading and now() >= self._retry_at:
            self._loading = self._tasks.start(self._load_at(found.location))

    async def _load_at(self, location: str) -> None:
        try:
            serving = await asyncio.to_thread(self._load, self._settings, location, self._trials)
        except Exception as error:  # any error: the model in production scores all leads
            self._retry_at = now() + self._backoff.fail()
            self._metrics.failing(True)
            log.warning("the canary can't be loaded, it is tried again: %s", error)
            return
        self._loaded = (location, serving)
        self._backoff.reset()
        self._retry_at = 0.0
        self._metrics.failing(False)
