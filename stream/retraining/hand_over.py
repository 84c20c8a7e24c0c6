"""Hands candidates of automatic retrainings on: from the shadow to the canary.

The role rollout continues from there. Which step comes next follows from the history of the aliases
alone, and each step is one entry of it: a trainer that is killed between two continues where it
was.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agents.retraining.approval import (
    Ended,
    ShadowVerdict,
    ended,
    objection,
    obstacle,
    shadow_since,
)
from agents.verdict.verdict import Decision
from model.alias import Alias
from model.alias_entry import LONGEST_REASON, Action, AliasEntry, Made
from model.model_aliases import Aliases
from model.registry import Registry, followed_model
from model.rollout_plan import RolloutPlan, RolloutStep, read_steps
from schemas.errors import FatalError
from stream.retraining.plan import RetrainPlan, RetrainRecord
from stream.retraining.shadow_judge import Judge, Question, judge_in_child
from stream.settings import Settings

__all__ = ["BY", "CLOCKS_DIFFER", "Candidate", "HandOver", "find_candidate", "make_canary"]

log = logging.getLogger(__name__)

BY = "trainer"
"""Who changes the aliases, for the history."""
CLOCKS_DIFFER = timedelta(hours=1)
"""Scores are read from this long before a version became the shadow, by another machine's clock."""
SALT_BYTES = 8
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The shadow, if a retraining made it.

    Attributes
    ----------
    plan
        The plan of the retraining.
    version
        The candidate.
    now, history
        The aliases of the model, and all their changes.
    """

    plan: RetrainPlan
    version: str
    now: Aliases
    history: Sequence[AliasEntry]

    @property
    def end(self) -> Ended | None:
        """How its way into production has ended; None if it has not."""
        return ended(self.now, self.history, self.version)

    @property
    def waits_since(self) -> datetime | None:
        """Since when it has waited for the approval of a person; None if it does not."""
        if self.plan.is_auto or obstacle(self.now, self.history, self.version) is not None:
            return None
        return shadow_since(self.history, self.version)

    def is_under_way(self, at: datetime, patience: timedelta) -> bool:
        """Return whether it is the canary, or waits for its verdict, for no longer than a time."""
        since = shadow_since(self.history, self.version)
        is_canary = self.now.aliases.get(Alias.CANARY) == self.version
        is_young = since is not None and at < since + patience
        return self.end is None and (is_canary or is_young)

    def made(self, at: datetime, why: str) -> Made:
        """Return who changes its aliases, when and why."""
        return Made(BY, at, f"retraining {self.plan.id}: {why}"[:LONGEST_REASON])


def find_candidate(
    registry: Registry, model: str, records: Iterable[RetrainRecord]
) -> Candidate | None:
    """Return the shadow of a model, if it passed the gate of a retraining.

    Raises
    ------
    BundleError
        The history can't be read.
    """
    now = registry.aliases_now(model)
    version = now.aliases.get(Alias.SHADOW)
    plan = None if version is None else _plan_of(records, model, version)
    if version is None or plan is None:
        return None
    return Candidate(plan, version, now, registry.history(model))


def _plan_of(records: Iterable[RetrainRecord], model: str, version: str) -> RetrainPlan | None:
    for record in records:
        account, plan = record.account, record.plan
        is_passed = account is not None and account.outcome == "passed"
        if is_passed and account is not None and (plan.model, account.version) == (model, version):
            return plan
    return None


def make_canary(
    registry: Registry, now: Aliases, version: str, steps: Sequence[RolloutStep], made: Made
) -> AliasEntry | None:
    """Start the rollout of a version; return the entry of the history.

    Raises
    ------
    AliasConflictError
        Somebody else changed the aliases since. Nothing was changed.
    """
    plan = RolloutPlan(salt=secrets.token_hex(SALT_BYTES), steps=tuple(steps))
    return registry.change(now, Action.SET, made, alias=Alias.CANARY, to=version, rollout=plan)


class HandOver:
    """Makes the shadow of an automatic retraining the canary, or ends its way, by the verdict.

    Parameters
    ----------
    settings
        The registry, the steps of a rollout, and how often a verdict is read.
    judge
        Reads the verdict.
    timer
        Seconds since any moment; measures how long the verdict takes.
    """

    def __init__(
        self,
        settings: Settings,
        judge: Judge = judge_in_child,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._judge = judge
        self._timer = timer
        self._registry = Registry(settings.registry)
        self._model = followed_model(settings.model)
        self._asked: tuple[str, datetime] = ("", LONG_AGO)
        self._said = ""

    async def step(self, records: Iterable[RetrainRecord], at: datetime) -> AliasEntry | None:
        """Do the next step of the candidate that is the shadow; return its entry.

        Parameters
        ----------
        records
            The latest record of each retraining.
        at
            The time.

        Raises
        ------
        BundleError
            The history can't be read.
        AliasConflictError
            Somebody else changed the aliases at the same time.
        """
        found = await self._found(records)
        if found is None or not found.plan.is_auto:
            return None
        if (end := found.end) is not None:
            return await self._withdraw(found, end, at)
        if (why_not := obstacle(found.now, found.history, found.version)) is not None:
            self._say(found, f"waits: {why_not}")
            return None
        began = self._timer()
        verdict = await self._verdict(found, at)
        # To read a verdict takes minutes; the first step of the canary begins after them.
        at += timedelta(seconds=self._timer() - began)
        return None if verdict is None else await self._act(found, verdict, at)

    async def waits_since(self, records: Iterable[RetrainRecord]) -> datetime | None:
        """Return since when a candidate has waited for an approval; None if there is none.

        Parameters
        ----------
        records
            The latest record of each retraining.

        Raises
        ------
        BundleError
            The history can't be read.
        """
        found = await self._found(records)
        return None if found is None else found.waits_since

    async def _found(self, records: Iterable[RetrainRecord]) -> Candidate | None:
        if self._model is None:
            return None
        return await asyncio.to_thread(find_candidate, self._registry, self._model, records)

    async def _verdict(self, found: Candidate, at: datetime) -> ShadowVerdict | None:
        """Return the verdict; None if it was read a short time ago, or there is none."""
        wait = timedelta(seconds=self._settings.retrain_verdict_seconds)
        asked, then = self._asked
        if asked == found.version and at < then + wait:
            return None
        self._asked = (found.version, at)
        since = shadow_since(found.history, found.version) or at
        production = found.now.aliases[Alias.PRODUCTION]
        question = Question(found.now.name, production, found.version, since - CLOCKS_DIFFER)
        try:
            return await self._judge(question)
        except FatalError as error:
            self._say(found, f"waits: {error}")
            return None

    async def _act(
        self, found: Candidate, verdict: ShadowVerdict, at: datetime
    ) -> AliasEntry | None:
        if verdict.decision is Decision.WORSE:
            return await self._withdraw(found, Ended(False, verdict.sentence), at)
        why_not = objection(verdict, max_refused=self._settings.rollout_max_errors)
        if why_not is not None:
            self._say(found, f"waits: {why_not}")
            return None
        made = found.made(at, verdict.sentence)
        steps = read_steps(self._settings.rollout_steps)
        entry = await asyncio.to_thread(
            make_canary, self._registry, found.now, found.version, steps, made
        )
        self._say(found, f"is the canary: {verdict.sentence}")
        return entry

    async def _withdraw(self, found: Candidate, end: Ended, at: datetime) -> AliasEntry | None:
        """Remove the aliases of a candidate; that by which it is found goes last."""
        now, entry = found.now, None
        for alias in (Alias.STAGING, Alias.SHADOW):
            if now.aliases.get(alias) == found.version:
                made = found.made(at, end.why)
                entry = await asyncio.to_thread(
                    self._registry.change, now, Action.REMOVE, made, alias=alias
                )
                now = await asyncio.to_thread(self._registry.aliases_now, now.name)
        self._say(found, f"is no candidate any more: {end.why}")
        return entry

    def _say(self, found: Candidate, sentence: str) -> None:
        """Log what is new."""
        said = f"retraining {found.plan.id}: {found.now.name}/{found.version} {sentence}"
        if said != self._said:
            self._said = said
            log.info("%s", said)
