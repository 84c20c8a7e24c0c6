"""The role trainer: requests and triggers in, plans and accounts out; one retraining at a time.

The topic of requests has one partition, so one worker of the group has it, the others are on
standby. The owner writes a plan for each request that it follows, and acknowledges the request
then; what it has planned and not ended is executed, also by the next owner.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka.errors import KafkaError
from mode import Service

from agents.retraining.triggers import Cause, Evidence, decide
from model.metadata import BundleError
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.retrain_metrics import RetrainMetrics
from schemas.errors import FatalError, InputError
from stream.process.background_tasks import Crash
from stream.retraining.ledger import Ledger, rules_of
from stream.retraining.plan import RetrainAccount, RetrainPlan, RetrainRecord, new_id
from stream.retraining.request import RetrainRequest, read_request
from stream.settings import Settings

__all__ = ["RetrainService", "Work"]

log = logging.getLogger(__name__)

TURN = 0.5
"""Seconds between two looks for something to do."""
ATTEMPTS, PAUSE = 3, 30.0
"""Attempts to execute a plan, and seconds between them."""
BY = "trigger"


class Plans(Protocol):
    """The topic of plans: ``stream.retraining.plan_log.RetrainLog``."""

    async def write(self, plan: RetrainPlan, account: RetrainAccount | None = None) -> None:
        """Write a plan, or the end of a retraining."""

    async def request(self, request_id: str, value: bytes) -> None:
        """Write a request."""

    async def records(self) -> dict[str, RetrainRecord]:
        """Return the latest record of each retraining."""


class Work(Protocol):
    """The work of the service, apart from deciding when."""

    async def plan(self, request: RetrainRequest, now: datetime) -> RetrainPlan:
        """Make a plan."""

    async def execute(self, plan: RetrainPlan, on_step: Callable[[str], None]) -> RetrainAccount:
        """Execute a plan."""

    async def evidence(self, ledger: Ledger, now: int) -> Evidence:
        """Gather what is known of the model in production."""

    async def hand_over(self, ledger: Ledger, now: datetime) -> None:
        """Do the next step of a candidate, if there is one."""

    async def waits_since(self, ledger: Ledger) -> datetime | None:
        """Return since when a candidate has waited for an approval; None if there is none."""


class RetrainService(Service):
    """A service that plans and executes retrainings.

    Parameters
    ----------
    settings
        The limits of the triggers.
    is_owner
        Whether this worker has the partition of requests.
    plans
        The topic of plans.
    work
        Makes and executes plans.
    metrics, health
        Where it is shown.
    crash
        Ends the worker.
    sleep
        Waits for a number of seconds.
    now
        The time in seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        is_owner: Callable[[], bool],
        plans: Plans,
        work: Work,
        metrics: RetrainMetrics,
        health: Health,
        crash: Crash,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[Any]] | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._rules = rules_of(settings)
        self._is_owner = is_owner
        self._plans = plans
        self._work = work
        self._metrics = metrics
        self._health = health
        self._end_worker = crash
        self._now = now
        self._pause = pause or self.sleep
        self._events: deque[Any] = deque()
        self._looked_at = 0.0
        self._has_work = True
        self._asked: dict[str, float] = {}
        self._running: asyncio.Task[RetrainAccount] | None = None

    # Callbacks of Faust

    async def accept(self, event: Any) -> None:
        """Queue the event of a request; it is acknowledged once its plan is written."""
        self._events.append(event)
        self._has_work = True

    def revoked(self) -> None:
        """Stop what runs, and forget: the next owner continues by the topic of plans."""
        self._events.clear()
        self._metrics.waiting(None)
        if self._running is not None:
            self._running.cancel()

    def assigned(self) -> None:
        """Show that the role is ready, and look for what an earlier owner has left open."""
        self._health.meet(Condition.PARTITIONS_ASSIGNED)
        self._has_work = True
        if not self._is_owner():
            log.info("on standby: another worker retrains")

    async def on_stop(self) -> None:
        """Stop what runs."""
        self.revoked()

    # Work

    @Service.task
    async def _work_until_stopped(self) -> None:
        try:
            while not self.should_stop:
                await self.sleep(TURN)
                if not self.should_stop and self._is_owner():
                    await self._turn_or_retry()
        except Exception as error:
            await self._end_worker(error)

    async def _turn_or_retry(self) -> None:
        try:
            await self.turn()
        except FatalError as error:  # Kafka did not answer, for example: all of it can be repeated
            log.warning("the trainer tries again in %g s: %s", PAUSE, error)
            self._has_work = True
            await self._pause(PAUSE)

    async def turn(self) -> None:
        """Do the next thing: execute a plan, plan a request, or look for causes and candidates."""
        is_due = self._now() >= self._looked_at + self._settings.retrain_poll_seconds
        if not self._has_work and not is_due:
            return
        self._has_work = False
        ledger = Ledger(await self._plans.records())
        if ledger.open is not None:
            await self._execute(ledger.open)
            self._has_work = True
        elif self._events:
            await self._plan(self._events.popleft(), ledger)
            self._has_work = True
        elif is_due:
            self._looked_at = self._now()
            await self._look(ledger)

    async def _look(self, ledger: Ledger) -> None:
        """Hand on a candidate, and ask for a retraining if there is a cause."""
        try:
            await self._work.hand_over(ledger, self._moment())
            self._metrics.waiting(await self._work.waits_since(ledger))
            evidence = await self._work.evidence(ledger, self._now_ms())
        except (KafkaError, FatalError, OSError, TimeoutError) as error:
            log.warning("the trainer tries again at its next poll: %s", error)
            return
        cause = decide(evidence, self._rules)
        if cause is not None and not self._was_asked(cause):
            await self._ask(cause)

    def _was_asked(self, cause: Cause) -> bool:
        """Return whether a request of this cause could not be planned within the cool-down."""
        at = self._asked.get(cause.key)
        return at is not None and self._now_ms() < at + self._rules.cooldown_ms

    async def _ask(self, cause: Cause) -> None:
        self._asked = {cause.key: self._now_ms()}
        request = RetrainRequest(
            request_id=new_id(self._moment()),
            requested_at=self._now_ms(),
            requested_by=BY,
            trigger=cause.trigger,
            cause=cause.key,
            reason=cause.sentence,
        )
        log.info("retraining requested", extra={"cause": cause.key, "reason": cause.sentence})
        self._metrics.requested(cause.trigger)
        await self._plans.request(request.request_id, request.encode())

    async def _plan(self, event: Any, ledger: Ledger) -> None:
        """Write the plan of a request that is followed; acknowledge the request in any case."""
        try:
            request = read_request(event.message.value)
        except ValueError as error:
            log.warning("ignored an invalid request for a retraining: %s", error)
            event.ack()
            return
        why_not = self._refusal(request, ledger)
        if why_not is None:
            why_not = await self._planned(request)
        if why_not is not None:
            log.info("request ignored", extra={"request": request.request_id, "reason": why_not})
            self._metrics.ignored(request.trigger)
        event.ack()

    def _refusal(self, request: RetrainRequest, ledger: Ledger) -> str | None:
        if request.request_id in ledger.records:
            return "it has been planned"
        return ledger.refusal(request.trigger, request.cause, self._now_ms(), self._rules)

    async def _planned(self, request: RetrainRequest) -> str | None:
        """Write the plan; return why there is none."""
        try:
            plan = await self._work.plan(request, self._moment())
        except (InputError, BundleError) as error:
            return str(error)
        await self._plans.write(plan)
        log.info("retraining planned", extra={"retraining": plan.id, "cause": plan.cause})
        return None

    async def _execute(self, plan: RetrainPlan) -> None:
        """Execute a plan and write its account, unless it is cancelled."""
        self._metrics.running(True)
        try:
            account = await self._attempts(plan)
        finally:
            self._metrics.running(False)
        if account is None:
            return
        await self._plans.write(plan, account)
        self._metrics.ended(account.outcome)
        log.info(
            "retraining ended",
            extra={
                "retraining": plan.id,
                "outcome": account.outcome,
                "version": account.version,
                "reason": account.sentence,
            },
        )

    async def _attempts(self, plan: RetrainPlan) -> RetrainAccount | None:
        """Execute a plan, several times if it fails; None if it was cancelled."""
        why = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._pause(PAUSE * attempt)
            self._running = asyncio.ensure_future(
                self._work.execute(plan, lambda step: log.info("retraining: %s", step))
            )
            try:
                return await self._running
            except asyncio.CancelledError:
                if self._running.cancelled() and not self._is_cancelled():
                    return None
                raise
            except FatalError as error:
                why = str(error)
                log.warning("a retraining failed, attempt %d: %s", attempt + 1, why)
            finally:
                self._running = None
        return RetrainAccount(outcome="failed", sentence=why)

    @staticmethod
    def _is_cancelled() -> bool:
        """Return whether this task itself is being cancelled."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def _now_ms(self) -> int:
        return round(self._now() * 1000)
