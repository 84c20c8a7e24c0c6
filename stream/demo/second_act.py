"""The second act of the demo: drift starts a retraining, and its candidate goes into production.

Three more workers do it, as they would for months: the role trainer retrains, the role shadow
scores beside the live model, the trainer starts the canary by the verdict, and the role rollout
steps it into production. This module sends leads and outcomes, and shows what the workers do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.retraining.hold_out import side_of
from features.contract import conform
from features.table import Table
from model.alias import Alias
from model.alias_entry import AliasEntry
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from model.training.evaluate import roc_auc
from schemas.errors import FatalError
from schemas.fields import FieldKind
from stream.demo.acts import LOWERED, Acts
from stream.demo.chain import Chain
from stream.process.model_trial import Trials
from stream.retraining.plan import RetrainPlan, RetrainRecord
from stream.retraining.plan_log import RetrainLog
from stream.settings import Settings

__all__ = ["SecondAct"]

CANARY_RATE, CHUNK = 200.0, 50
"""Leads a second while there is a canary, and leads between two looks at it."""
PLANNED_WITHIN, RETRAINED_WITHIN, JUDGED_WITHIN, ROLLED_OUT_WITHIN = 120.0, 600.0, 120.0, 120.0
"""Seconds."""
WITHDRAWN_WITHIN = 10.0
"""Seconds for the workers to remove the aliases that are not needed any more."""


class Screen(Protocol):
    """The part of ``DemoScreen`` that is used."""

    def say(self, what: str, text: str, style: str = "bold") -> None:
        """Print a line."""

    def busy(self, doing: str) -> Any:
        """Show a running step."""


class Leads(Protocol):
    """The part of ``LeadQueue`` that is used."""

    left: int

    async def send(self, count: int, rate: float) -> None:
        """Send the next leads."""


class Outcomes(Protocol):
    """The part of ``OutcomeQueue`` that is used."""

    async def send(self, leads: int) -> None:
        """Send the outcomes of the next leads."""


class SecondAct:
    """Plays the second act.

    Parameters
    ----------
    settings
        Kafka's address, the topics and the registry.
    chain
        The workers.
    screen
        Shows what happens.
    leads, outcomes
        Send those of the contacts.
    rate
        Leads a second, while there is no canary.
    """

    def __init__(
        self,
        settings: Settings,
        chain: Chain,
        screen: Screen,
        leads: Leads,
        outcomes: Outcomes,
        rate: float,
    ) -> None:
        self._chain = chain
        self._screen = screen
        self._leads = leads
        self._outcomes = outcomes
        self._rate = rate
        self._model = settings.model
        self._registry = Registry(settings.registry)
        self._plans = RetrainLog(settings)
        self._known = 0

    async def play(self, contacts: Table) -> None:
        """Retrain on the leads that were sent, and bring the candidate into production.

        It ends early where the gate, the verdict or the rollout ends the candidate's way. Leads may
        be left.

        Parameters
        ----------
        contacts
            All of them, in the order of time; those of the first act were sent.

        Raises
        ------
        FatalError
            A worker ended, or a step took too long.
        StoppedError
            The demo is to stop.
        """
        acts = Acts.of(contacts.rows)
        self._known = len(await self._history())
        with self._screen.busy("sending the outcomes of these leads"):
            await self._outcomes.send(acts.first)
        with self._chain.running():
            plan, version = await self._retrained()
            if version is None:
                return
            if not await self._passes_shadow(acts.shadowed, plan, version):
                return
            if not await self._passes_canary(plan, version):
                return
            with self._screen.busy("sending the other leads"):
                await self._leads.send(self._leads.left, self._rate)
                await self._withdrawn()
        with self._screen.busy("comparing both models on the leads after the retraining"):
            later = contacts.slice(acts.first, contacts.rows)
            before, after = await asyncio.to_thread(self._aucs, plan, version, later)
        self._screen.say(
            "AUC",
            f"{before:.3f} before, {after:.3f} retrained, on the {later.rows:,} leads after those"
            f" that {plan.model}/{version} has learnt from",
            "bold green",
        )
        self._screen.say("Note", LOWERED)

    async def _retrained(self) -> tuple[RetrainPlan, str | None]:
        """Show the trainer's retraining; return its plan, and the candidate if it passed."""

        async def planned() -> RetrainRecord | None:
            return next(iter((await self._plans.records()).values()), None)

        async def ended() -> RetrainRecord | None:
            record = await planned()
            return record if record is not None and record.account is not None else None

        began = time.monotonic()
        with self._screen.busy("the trainer looks for a cause"):
            plan = (await self._chain.until("trainer", "a plan", planned, PLANNED_WITHIN)).plan
        name = f"{plan.model}/{plan.production}"
        self._screen.say("Trigger", f"{plan.reason}: the trainer retrains {name}", "yellow")
        with self._screen.busy("the trainer retrains"):
            record = await self._chain.until("trainer", "a candidate", ended, RETRAINED_WITHIN)
        return plan, self._show_retraining(record, time.monotonic() - began)

    def _show_retraining(self, record: RetrainRecord, seconds: float) -> str | None:
        """Show the account; return the version of a candidate that passed."""
        account, plan = record.account, record.plan
        assert account is not None, "it has ended"
        if account.outcome == "failed":
            raise FatalError(f"the retraining failed: {account.sentence}")
        if account.version is not None:
            known = np.datetime64(plan.cut_ms, "ms").astype(object)
            self._screen.say(
                "Retrain",
                f"{plan.model}/{account.version}, from {account.rows:,} of these leads as they were"
                f" when they were scored, and their outcomes up to {known:%b %Y}, in"
                f" {seconds:.0f} s",
            )
        if account.outcome != "passed":
            self._show_end("Gate", account.sentence, plan)
            return None
        self._screen.say("Gate", account.sentence, "green")
        return account.version

    async def _passes_shadow(self, count: int, plan: RetrainPlan, version: str) -> bool:
        """Send leads that both models score; return whether the verdict starts a canary."""
        name = f"{plan.model}/{version}"

        def ends_shadow(entry: AliasEntry) -> bool:
            return _names(entry, Alias.CANARY, version) or _drops(entry, Alias.SHADOW, version)

        live = f"{plan.model}/{plan.production}"
        with self._screen.busy(f"{name} scores the next leads beside {live}"):
            # First, so that no verdict takes a lead whose outcome is on its way for a failure.
            await self._outcomes.send(count)
            await self._leads.send(count, self._rate)
            self._screen.say("Shadow", f"{name} scores the next {count:,} leads beside {live}")
            find = self._entry(ends_shadow)
            verdict = await self._chain.until("trainer", "a clear verdict", find, JUDGED_WITHIN)
        reason = verdict.why.partition(": ")[2]  # without the id of the retraining
        if verdict.to is None:
            self._show_end("Verdict", reason, plan)
            return False
        self._screen.say("Verdict", reason, "green")
        return True

    async def _passes_canary(self, plan: RetrainPlan, version: str) -> bool:
        """Send leads that both models share; return whether the candidate is in production."""
        name, shown = f"{plan.model}/{version}", 0

        def ends_canary(entry: AliasEntry) -> bool:
            is_in_production = _names(entry, Alias.PRODUCTION, version)
            return is_in_production or _drops(entry, Alias.CANARY, version)

        async def ended() -> AliasEntry | None:
            nonlocal shown
            entries = await self._history()
            steps = [e for e in entries if _names(e, Alias.CANARY, version)]
            for step in steps[shown:]:
                self._show_step(step, name, is_first=not shown)
                shown += 1
            end = next(filter(ends_canary, entries), None)
            if end is None and self._leads.left:
                await self._leads.send(CHUNK, CANARY_RATE)
            return end

        with self._screen.busy(f"{name} scores its share"):
            end = await self._chain.until("rollout", "its end", ended, ROLLED_OUT_WITHIN)
        if end.to is None:
            self._show_end("Canary", f"removed: {end.why}", plan)
            return False
        self._screen.say("Live", f"{name} scores all leads, after {end.why}", "green")
        return True

    def _show_step(self, step: AliasEntry, name: str, *, is_first: bool) -> None:
        assert step.rollout is not None, "a canary has a rollout"
        after = "" if is_first else f", after {step.why}"
        self._screen.say("Canary", f"{name} scores {step.rollout.share:g} % of the leads{after}")

    def _show_end(self, where: str, why: str, plan: RetrainPlan) -> None:
        self._screen.say(where, why, "yellow")
        self._screen.say("", f"{plan.model}/{plan.production} stays in production.")

    async def _withdrawn(self) -> None:
        """Wait until only the alias production is left; the demo ends without that, too."""

        async def is_withdrawn() -> bool | None:
            last = (await self._history())[-1]
            return True if last.aliases.keys() == {Alias.PRODUCTION} else None

        with suppress(FatalError):
            await self._chain.until("trainer", "its end", is_withdrawn, WITHDRAWN_WITHIN)

    def _entry(self, matches: Callable[[AliasEntry], bool]) -> Any:
        """Return a coroutine function that returns the first entry of the history that matches."""

        async def find() -> AliasEntry | None:
            return next(filter(matches, await self._history()), None)

        return find

    async def _history(self) -> Sequence[AliasEntry]:
        """Return the changes since the act began: an earlier demo may have had the same version."""
        entries = await asyncio.to_thread(self._registry.history, self._model)
        return entries[self._known :]

    def _aucs(self, plan: RetrainPlan, version: str, later: Table) -> tuple[float, float]:
        """Return the AUC of the model that was in production, and of the candidate."""
        words = later.columns_for({"y": FieldKind.CATEGORY})["y"]
        labels = np.array([word == "yes" for word in words], dtype=np.bool_)
        before, after = (
            _auc(self._registry, f"{plan.model}/{each}", later, labels)
            for each in (plan.production, version)
        )
        return before, after


def _names(entry: AliasEntry, alias: Alias, version: str) -> bool:
    return entry.alias is alias and entry.to == version


def _drops(entry: AliasEntry, alias: Alias, version: str) -> bool:
    return entry.alias is alias and entry.was == version and entry.to is None


def _auc(registry: Registry, name: str, contacts: Table, labels: NDArray[np.bool_]) -> float:
    bundle: Bundle = load_bundle(registry.resolve(name), Trials())
    spec = bundle.metadata.spec
    table = conform(contacts, bundle.metadata.contract, readings=spec.file_readings)
    columns = table.columns_for(spec.kinds, spec.file_readings)
    return roc_auc(labels, side_of(bundle, columns, contacts.rows).scores)
