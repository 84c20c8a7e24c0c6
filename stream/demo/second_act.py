"""The second act of the demo: drift starts a retraining, and its candidate goes into production.

Three more workers do it, as they would for months: the role trainer retrains, the role shadow
scores beside the live model, the trainer starts the canary by the verdict, and the role rollout
steps it into production. This module sends leads and outcomes, and says what they do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

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
from schemas.errors import StartupError
from schemas.fields import FieldKind
from schemas.lead_outcome import encode_outcome
from stream.demo.acts import LOWERED, Acts
from stream.demo.worker import DemoWorker
from stream.process.model_trial import Trials
from stream.retraining.plan import RetrainRecord
from stream.retraining.plan_log import RetrainLog
from stream.settings import Settings
from stream.simulator.connection import connected_producer

__all__ = ["SecondAct", "StoppedError"]

CANARY_RATE, CHUNK = 200.0, 50
"""Leads a second while there is a canary, and leads between two looks at it."""
WITHIN = 240.0
"""Seconds for each step."""
LOOK = 0.5
ROLES = ("trainer", "shadow", "rollout")

Found = TypeVar("Found")
Send = Callable[[int | None, float | None], Awaitable[None]]
"""Sends a number of the leads that are left, or all, at a rate, or at that of the demo."""


class Screen(Protocol):
    """The part of ``DemoScreen`` that is used."""

    def say(self, what: str, text: str, style: str = "bold") -> None:
        """Print a line."""

    def busy(self, doing: str) -> Any:
        """Show a running step."""


class StoppedError(Exception):
    """The demo was stopped by a signal."""


class SecondAct:
    """Plays the second act.

    Parameters
    ----------
    settings
        Kafka's address, the topics and the registry.
    environment
        Environment variables of the demo's worker.
    folder
        Folder of the workers' logs.
    screen
        Shows what happens.
    stop
        Set when the demo is to stop.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        folder: Path,
        screen: Screen,
        stop: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._folder = folder
        self._screen = screen
        self._stop = stop
        self._registry = Registry(settings.registry)
        self._plans = RetrainLog(settings)
        self._workers: list[DemoWorker] = []

    async def play(self, contacts: Table, send: Send) -> None:
        """Retrain on the leads that were sent, and send the others.

        Parameters
        ----------
        contacts
            All of them, in the order of time; those of the first act were sent.
        send
            Sends the others.

        Raises
        ------
        StartupError
            A worker ended, or a step took too long.
        StoppedError
            The demo is to stop.
        """
        acts = Acts.of(contacts.rows)
        past = contacts.slice(0, acts.first)
        later = contacts.slice(acts.first, contacts.rows)
        began = time.monotonic()
        with self._screen.busy("sending the outcomes of these leads"):
            await send_outcomes(self._settings, past)
        async with self._chain():
            record = await self._retrained()
            version = self._show_retraining(record, time.monotonic() - began)
            if version is None:
                return
            before, after = self._aucs(record, version, later)
            canary = await self._in_shadow(later.slice(0, acts.shadowed), version, send)
            self._screen.say("Verdict", _reason(canary), "green")
            await self._into_production(version, send)
        self._screen.say(
            "AUC",
            f"on the {later.rows:,} leads after that: {before:.3f} before, {after:.3f} retrained",
            "bold green",
        )
        self._screen.say("Lowered", LOWERED)

    @asynccontextmanager
    async def _chain(self) -> AsyncIterator[None]:
        """Run the three workers while the body runs."""
        try:
            for role in ROLES:
                environment = {**self._environment, "LEADSCORE_ROLE": role}
                self._workers.append(DemoWorker(environment, self._folder, name=role))
            yield
        finally:
            for worker in self._workers:
                worker.end()

    async def _until(self, what: str, find: Callable[[], Awaitable[Found | None]]) -> Found:
        """Return what is found, which is looked for again and again."""
        deadline = time.monotonic() + WITHIN
        while (found := await find()) is None:
            for worker in self._workers:
                worker.check()
            if self._stop.is_set():
                raise StoppedError
            if time.monotonic() > deadline:
                logs = ", ".join(str(worker.log) for worker in self._workers)
                raise StartupError(f"expected {what} within {WITHIN:.0f} s: see {logs}")
            await asyncio.sleep(LOOK)
        return found

    async def _retrained(self) -> RetrainRecord:
        """Return the record of the trainer's retraining, once it has ended."""

        async def planned() -> RetrainRecord | None:
            return next(iter((await self._plans.records()).values()), None)

        async def ended() -> RetrainRecord | None:
            record = await planned()
            return record if record is not None and record.state == "ended" else None

        with self._screen.busy("the trainer looks for a cause"):
            record = await self._until("a plan of the trainer", planned)
        self._screen.say("Trigger", f"{record.plan.trigger}: {record.plan.reason}", "bold yellow")
        with self._screen.busy("the trainer retrains"):
            return await self._until("the end of the retraining", ended)

    def _show_retraining(self, record: RetrainRecord, seconds: float) -> str | None:
        """Show the account; return the version of a candidate that passed."""
        account = record.account
        assert account is not None, "it has ended"
        known = np.datetime64(record.plan.cut_ms, "ms").astype(object)
        self._screen.say(
            "Retrain",
            f"{account.rows:,} of these leads as they were when they were scored, with outcomes"
            f" known by {known:%b %Y}, in {seconds:.0f} s",
        )
        is_passed = account.outcome == "passed"
        self._screen.say("Gate", account.sentence, "green" if is_passed else "yellow")
        return account.version if is_passed else None

    def _aucs(self, record: RetrainRecord, version: str, later: Table) -> tuple[float, float]:
        """Return the AUC of the model in production and of the candidate on later leads."""
        labels, name = _won(later), record.plan.model
        before, after = (
            _auc(self._registry, f"{name}/{each}", later, labels)
            for each in (record.plan.production, version)
        )
        return before, after

    async def _in_shadow(self, leads: Table, version: str, send: Send) -> AliasEntry:
        """Send leads that both models score; return the entry that starts the canary."""
        with self._screen.busy("the shadow scores the next leads, too"):
            # First, so that no verdict takes a lead whose outcome is on its way for a failure.
            await send_outcomes(self._settings, leads)
            await send(leads.rows, None)
            return await self._until("a verdict and a canary", self._entry(Alias.CANARY, version))

    async def _into_production(self, version: str, send: Send) -> None:
        """Send leads that the canary shares, until it is in production; then the others."""
        find = self._entry(Alias.PRODUCTION, version)
        with self._screen.busy("the canary scores its share"):
            while await find() is None:
                if self._stop.is_set():
                    raise StoppedError
                await send(CHUNK, CANARY_RATE)
            promoted = await self._until("the candidate in production", find)
        for entry in self._registry.history(self._name):
            is_step = entry.alias is Alias.CANARY and entry.rollout is not None
            if is_step and entry.to == version:
                self._screen.say("Canary", f"{entry.summary}, by {entry.by}")
        self._screen.say("Live", f"{promoted.summary}, by {promoted.by}: {promoted.why}", "green")
        await send(None, None)

    def _entry(self, alias: Alias, version: str) -> Callable[[], Awaitable[AliasEntry | None]]:
        """Return what finds the entry that set an alias to a version."""

        async def find() -> AliasEntry | None:
            history: Sequence[AliasEntry] = await asyncio.to_thread(
                self._registry.history, self._name
            )
            return next((e for e in history if e.alias is alias and e.to == version), None)

        return find

    @property
    def _name(self) -> str:
        return self._settings.model


def _reason(entry: AliasEntry) -> str:
    """Return the verdict in the reason of an entry, without the id of the retraining."""
    return entry.why.partition(": ")[2]


async def send_outcomes(settings: Settings, contacts: Table) -> None:
    """Send the outcomes of contacts, at the end of their calls."""
    ids = contacts.columns_for({"lead_id": FieldKind.TEXT})["lead_id"]
    rows = zip(ids, _won(contacts), _created_at(contacts), strict=True)
    async with connected_producer(settings) as producer:
        for lead_id, won, created_at in rows:
            outcome = {
                "lead_id": lead_id,
                "outcome": "converted" if won else "lost",
                "occurred_at": int(created_at),
            }
            await producer.send(
                settings.leads_outcomes, encode_outcome(outcome), str(lead_id).encode()
            )
        await producer.flush()


def _created_at(contacts: Table) -> NDArray[np.float64]:
    times: Any = contacts.columns_for({"created_at": FieldKind.DATE})["created_at"]
    return np.asarray(times, dtype=np.float64)


def _won(contacts: Table) -> NDArray[np.bool_]:
    words = contacts.columns_for({"y": FieldKind.CATEGORY})["y"]
    return np.array([word == "yes" for word in words], dtype=np.bool_)


def _auc(registry: Registry, name: str, contacts: Table, labels: NDArray[np.bool_]) -> float:
    bundle: Bundle = load_bundle(registry.resolve(name), Trials())
    spec = bundle.metadata.spec
    table = conform(contacts, bundle.metadata.contract, readings=spec.file_readings)
    columns = table.columns_for(spec.kinds, spec.file_readings)
    return roc_auc(labels, side_of(bundle, columns, contacts.rows).scores)
