"""Work of the role trainer: plans, executions in a child process, evidence, hand-over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from agents.retraining.triggers import Evidence
from stream.kafka.access import Use
from stream.retraining.child import run_in_child
from stream.retraining.evidence import EvidenceReader
from stream.retraining.hand_over import HandOver
from stream.retraining.ledger import Ledger
from stream.retraining.plan import RetrainAccount, RetrainPlan
from stream.retraining.planning import make_plan
from stream.retraining.request import RetrainRequest
from stream.settings import Settings

__all__ = ["TrainerWork"]


class TrainerWork:
    """Plans, executes, gathers evidence and hands on: ``stream.retraining.service.Work``.

    Parameters
    ----------
    settings
        Kafka's address, the topics, the registry and the rules.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._evidence = EvidenceReader(settings)
        self._hand_over = HandOver(settings)

    async def plan(self, request: RetrainRequest, now: datetime) -> RetrainPlan:
        """Make a plan."""
        return await make_plan(self._settings, request, now, use=Use.TRAIN)

    async def execute(self, plan: RetrainPlan, on_step: Callable[[str], None]) -> RetrainAccount:
        """Execute a plan in a child process."""
        return await run_in_child(plan, on_step)

    async def evidence(self, ledger: Ledger, now: int) -> Evidence:
        """Gather what is known of the model in production."""
        return await self._evidence.read(ledger, now)

    async def hand_over(self, ledger: Ledger, now: datetime) -> None:
        """Do the next step of the candidate of an automatic retraining."""
        await self._hand_over.step(ledger.records.values(), now)

    async def waits_since(self, ledger: Ledger) -> datetime | None:
        """Return since when a candidate has waited for an approval; None if there is none."""
        return await self._hand_over.waits_since(ledger.records.values())
