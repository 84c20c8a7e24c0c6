"""Rolls out the canary of the workers' model: takes the next step, or removes the canary.

One process of the group is active, the one that has the partition of the topic of changes; two at
once would do no harm, as the history takes one change at a time. All state is the plan in the
history and the outputs of the workers: the next process reads both again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from aiokafka.errors import KafkaError
from mode import Service

from agents.rollout.decision import Decision, Move, Readiness, decide
from agents.rollout.evidence import Evidence
from agents.rollout.triggers import PSI_LEADS, Limits
from model.alias_entry import Action, Made
from model.alias_history import AliasConflictError
from model.registry import Alias, Aliases, Registry
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.rollout_metrics import RolloutMetrics
from schemas.errors import FatalError
from stream.deliver.batch_producer import Emitter
from stream.process.background_tasks import Crash
from stream.rollout.change_log import ChangeLog
from stream.rollout.outputs import OutputTail
from stream.settings import Settings

__all__ = ["RolloutService", "limits_of"]

log = logging.getLogger(__name__)

TURN = 1.0
"""Seconds between two looks at the outputs."""
BY = "rollout"
"""Who changes the aliases, for the history."""
REPORT_INTERVAL = 60.0
"""Seconds between two log lines about a step that waits, or an error that stays."""


def limits_of(settings: Settings) -> Limits:
    """Return the harm that the settings tolerate."""
    return Limits(
        errors=settings.rollout_max_errors,
        latency=settings.rollout_max_latency,
        latency_ms=settings.rollout_min_latency_ms,
        psi=settings.rollout_max_psi,
        psi_leads=min(PSI_LEADS, settings.rollout_min_leads),
        business=settings.rollout_max_loss,
        confidence=settings.rollout_confidence,
    )


class RolloutService(Service):
    """A service that decides on the rollout of one model, each second.

    Parameters
    ----------
    model
        Name of the model whose production the workers follow.
    settings
        The registry, the limits, and what a step needs.
    tail
        Reads the outputs.
    changes
        Publishes changes.
    emitter
        Sends them.
    metrics, health
        Show the state.
    is_ours
        Returns whether this process has the partition of the topic of changes.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self,
        model: str,
        settings: Settings,
        *,
        tail: OutputTail,
        changes: ChangeLog,
        emitter: Emitter,
        metrics: RolloutMetrics,
        health: Health,
        is_ours: Callable[[], bool],
        crash: Crash,
    ) -> None:
        super().__init__()
        self._model = model
        self._settings = settings
        self._registry = Registry(settings.registry)
        self._tail = tail
        self._changes = changes
        self._emitter = emitter
        self._metrics = metrics
        self._health = health
        self._is_ours = is_ours
        self._end_worker = crash
        self._limits = limits_of(settings)
        self._readiness = Readiness(
            settings.rollout_min_leads, round(settings.rollout_silence_seconds * 1000)
        )
        self._is_active = False
        self._aliases: Aliases | None = None
        self._look_at = 0.0
        self._step: object = None
        self._evidence: Evidence | None = None
        self._reported_at = -REPORT_INTERVAL

    # Callbacks of Faust

    def revoked(self) -> None:
        """Decide nothing more: another process may have the partition."""
        self._is_active = False
        self._metrics.active(False)

    def assigned(self) -> None:
        """Decide from now on, if the partition is this process's."""
        self._health.meet(Condition.RECOVERED)
        self._is_active = self._is_ours()
        self._metrics.active(self._is_active)
        self._changes.forget()
        self._aliases, self._step, self._evidence, self._look_at = None, None, None, 0.0
        log.info("active: this worker decides on rollouts" if self._is_active else "on standby")

    # Start and stop

    async def on_start(self) -> None:
        """Open the producer of changes."""
        await self._emitter.start()

    async def on_shutdown(self) -> None:
        """Close the connections."""
        await self._tail.stop()
        await self._emitter.stop()

    @Service.task
    async def _turn_until_stopped(self) -> None:
        while not self.should_stop:
            await self.sleep(TURN)
            if not self._is_active:
                continue
            try:
                await self.turn()
            except AliasConflictError:
                self._look_at = 0.0  # another process was faster: the aliases are read again
            except (FatalError, KafkaError, OSError, TimeoutError) as error:
                self._report(
                    logging.WARNING, "the rollout can't continue, it is tried again: %r", error
                )
            except Exception as error:
                await self._end_worker(error)

    async def turn(self) -> None:
        """Read what is new, decide, and act."""
        aliases = await self._aliases_now()
        rollout = aliases.rollout
        self._metrics.share(0 if rollout is None else rollout.share)
        if rollout is None or Alias.CANARY not in aliases.aliases:
            self._step = self._evidence = None
            return
        if aliases.aliases.get(Alias.PRODUCTION) == aliases.aliases[Alias.CANARY]:
            await self._change(Action.REMOVE, "it is in production")
            return
        evidence = await self._evidence_of(aliases)
        outputs = await self._tail.read()
        evidence.add(outputs.seen)
        evidence.convert(outputs.converted)
        self._show(evidence)
        decision = decide(
            rollout, evidence, round(time.time() * 1000), self._limits, self._readiness
        )
        await self._act(decision)

    async def _aliases_now(self) -> Aliases:
        """Return the aliases, looked up now and then; publish the changes that led there."""
        now = time.monotonic()
        if self._aliases is None or now >= self._look_at:
            found = await asyncio.to_thread(self._registry.aliases_now, self._model)
            is_new = self._aliases is None or found.last != self._aliases.last
            if is_new:
                history = await asyncio.to_thread(self._registry.history, self._model)
                await self._changes.publish(history)
            self._aliases = found
            self._look_at = now + self._settings.model_poll_seconds
        return self._aliases

    async def _evidence_of(self, aliases: Aliases) -> Evidence:
        """Return the evidence of the present step; start anew when the step has changed."""
        rollout = aliases.rollout
        assert rollout is not None
        step = (rollout, aliases.aliases[Alias.CANARY], aliases.aliases.get(Alias.PRODUCTION))
        if self._evidence is None or step != self._step:
            began = round((await self._began()).timestamp() * 1000)
            await self._tail.start_at(began)
            self._evidence = Evidence(
                salt=rollout.salt,
                share=rollout.share,
                began=began,
                settles=round(self._settings.rollout_settle_seconds * 1000),
                window_ms=round(self._settings.rollout_window_seconds * 1000),
            )
            self._step = step
            log.info(
                "canary %s/%s has %g %% of the leads, step %d of %d",
                *(self._model, step[1], rollout.share, rollout.step + 1, len(rollout.steps)),
            )
        return self._evidence

    async def _began(self) -> datetime:
        """Return when the present models and share were set."""
        history = await asyncio.to_thread(self._registry.history, self._model)
        return next(
            entry.at
            for entry in reversed(history)
            if entry.alias in (Alias.CANARY, Alias.PRODUCTION)
        )

    async def _act(self, decision: Decision) -> None:
        match decision.move:
            case Move.WAIT:
                self._report(logging.INFO, "the canary stays at its share: %s", decision.why)
            case Move.ROLL_BACK:
                log.warning("the canary is removed: %s", decision.why)
                await self._change(Action.REMOVE, decision.why)
                self._metrics.rolled_back(decision.findings[0].trigger)
            case Move.STEP:
                await self._change(Action.STEP, decision.why)
            case Move.PROMOTE:
                await self._promote(decision.why)

    async def _promote(self, why: str) -> None:
        """Put the canary into production; the next turn removes the alias canary."""
        assert self._aliases is not None
        await asyncio.to_thread(
            self._registry.change,
            self._aliases,
            Action.SET,
            self._made(why),
            alias=Alias.PRODUCTION,
            to=self._aliases.aliases[Alias.CANARY],
        )
        self._look_at = 0.0
        self._metrics.promoted()
        log.info("the canary goes into production: %s", why)

    async def _change(self, action: Action, why: str) -> None:
        """Move the canary to its next step, or remove it."""
        assert self._aliases is not None
        rollout = self._aliases.rollout
        is_step = action is Action.STEP and rollout is not None
        await asyncio.to_thread(
            self._registry.change,
            self._aliases,
            action,
            self._made(why),
            alias=Alias.CANARY,
            to=self._aliases.aliases[Alias.CANARY] if is_step else None,
            rollout=rollout.following() if is_step and rollout is not None else None,
        )
        self._look_at = 0.0

    @staticmethod
    def _made(why: str) -> Made:
        return Made(BY, datetime.now(UTC), why[:1000])

    def _show(self, evidence: Evidence) -> None:
        for name in ("production", "canary"):
            arm = getattr(evidence.total, name)
            self._metrics.leads(
                name, scored=arm.leads - arm.dead - arm.failed, dead=arm.dead, failed=arm.failed
            )

    def _report(self, level: int, sentence: str, *values: object) -> None:
        """Log a decision that does not change, once a minute."""
        if time.monotonic() - self._reported_at >= REPORT_INTERVAL:
            self._reported_at = time.monotonic()
            log.log(level, sentence, *values)
