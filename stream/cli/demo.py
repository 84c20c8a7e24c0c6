"""`leadscore demo`: train, stream and score real contacts, with an audit at the end."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from features.table import Table
from features.table_file import read_table
from model.alias_entry import Made
from model.metadata import BundleError
from schemas.errors import FatalError, InputError
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.broker import Broker, BrokerKind, open_broker
from stream.broker.mock import MockBroker
from stream.demo.acts import CHAIN, DRIFT, Acts
from stream.demo.audit import Audit
from stream.demo.chain import Chain, StoppedError
from stream.demo.lead_queue import LeadQueue, OutcomeQueue
from stream.demo.outputs import metrics_of, until_all_out
from stream.demo.screen import DemoScreen
from stream.demo.worker import DemoWorker, following, following_drift, write_snapshot
from stream.kafka.topic_admin import create_topics, expected_partitions
from stream.process.exit_codes import EXIT_STOPPED, exit_codes
from stream.settings import load_settings
from stream.simulator.connection import connected_producer, stop_on_signals
from stream.simulator.events import EventMaker
from stream.simulator.lead_file import leads_of
from stream.simulator.outcomes import outcomes_of
from stream.simulator.run import LeadProducer, Played

__all__ = ["demo"]

CONTACTS = Path("data/bank_marketing/contacts.csv.gz")
CONTRACT = "bank_contact"
NAME, DEMO = "bank", "leadscore demo"
TRAINED_SHARE = 0.6
BAD_SHARE = 0.002
SEED = 7
PARTITIONS = 4
SETTLED_AFTER = 1.2
REPORTS_WITHIN = 6.0
"""Seconds in which the last drift reports must arrive after the last output."""
SPAN = "10m"
"""Time range of the snapshot."""
EXIT_FAILED = 1


@click.command()
@click.option(
    "--contacts",
    type=click.Path(path_type=Path),
    default=CONTACTS,
    show_default=True,
    help="The bank's contacts.",
)
@click.option(
    "--rate", type=click.FloatRange(min=1), default=1500, show_default=True, help="Leads a second."
)
@click.option(
    "--broker",
    type=click.Choice([kind.value for kind in BrokerKind]),
    help="Use only this kind of broker; default: the first that is available.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path(".leadscore/demo"),
    show_default=True,
    help="Folder for the bundle, the metrics and the worker's log.",
)
def demo(contacts: Path, rate: float, broker: str | None, folder: Path) -> None:
    """Train on real contacts, score the rest through Kafka, show the result.

    \b
      leadscore demo
      leadscore demo --rate 500 --broker docker

    A model is trained on the earliest 60 % of a bank's contacts. A simulated CRM sends the rest to
    Kafka, a few broken events among them, and a worker scores them. An audit at the end checks that
    every lead has a score or a dead letter. On real Kafka the demo also shows the drift of the
    later months. Drift starts a retraining; the new model scores the next leads in shadow, then a
    share of the leads as the canary, and goes into production.

    Exit codes: 0 every lead has a score or a dead letter; 1 the audit failed, or the retraining did
    not come to an end (a line says why); 2 an option or the data are unusable; 3 no broker, or the
    worker did not start; 130 stopped by Ctrl-C.
    """  # noqa: D301
    with exit_codes():
        if not contacts.is_file():
            raise InputError(
                f"expected the bank's contacts at {contacts}, but the file does not exist: run the"
                " demo in a clone of the repository, or name the file with --contacts"
            )
        signal.signal(signal.SIGTERM, _as_ctrl_c)
        folder.mkdir(parents=True, exist_ok=True)
        screen = DemoScreen(Console())
        with ExitStack() as stack:
            with screen.busy("looking for a broker"):
                opened = stack.enter_context(open_broker(broker))
            code = _Demo(opened, rate, folder, screen).run(read_table(contacts))
    raise SystemExit(code)


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


class _Demo:
    """One run of the demo.

    Parameters
    ----------
    broker
        A started broker.
    rate
        Leads a second.
    folder
        Folder of all output files.
    screen
        The screen.
    """

    def __init__(self, broker: Broker, rate: float, folder: Path, screen: DemoScreen) -> None:
        self._broker = broker
        self._rate = rate
        self._folder = folder
        self._screen = screen
        # The mock broker can't look up offsets by time, which the drift role needs.
        self._watches_drift = not isinstance(broker, MockBroker)
        # A prefix for this run, as a given Kafka may hold topics of an earlier run.
        is_given = broker.kind is BrokerKind.GIVEN
        run = secrets.token_hex(4)
        self._environment = {
            "LEADSCORE_ENV": "staging",
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "LEADSCORE_TOPIC_PREFIX": f"demo-{run}." if is_given else "",
            "LEADSCORE_GROUP_ID": f"leadscore-demo-{run}" if is_given else "leadscore",
            "LEADSCORE_REGISTRY": str(folder / "models"),
            "LEADSCORE_MODEL": NAME,
            **(DRIFT | CHAIN if self._watches_drift else {}),
        }
        self._settings = load_settings(
            environment="staging",
            kafka_bootstrap_servers=broker.bootstrap,
            topic_prefix=self._environment["LEADSCORE_TOPIC_PREFIX"],
            group_id=self._environment["LEADSCORE_GROUP_ID"],
            registry=self._environment["LEADSCORE_REGISTRY"],
            model=NAME,
        )

    def run(self, contacts: Table) -> int:
        """Run the demo and return the exit code."""
        self._screen.say("Broker", self._broker.describe())
        asyncio.run(self._make_topics())
        cut = round(contacts.rows * TRAINED_SHARE)
        version = self._train(contacts.slice(0, cut))
        rest = contacts.slice(cut, contacts.rows)
        return asyncio.run(self._play(rest, version))

    async def _make_topics(self) -> None:
        if isinstance(self._broker, MockBroker):
            self._broker.create_topics(expected_partitions(self._settings, PARTITIONS))
        else:
            await create_topics(self._settings, PARTITIONS)
        self._screen.say(
            "Topics",
            f"{self._settings.leads_created}, {self._settings.leads_scored} and others,"
            f" {PARTITIONS} partitions each",
        )

    def _train(self, past: Table) -> str:
        """Train and publish a model; return its version."""
        with self._screen.busy("importing the training libraries") as on_step:
            # Imported late, as it takes seconds: a missing broker is reported before.
            from model.registry import Alias, Registry
            from model.training.train import TrainOptions, train

            contract = SchemaStore.load().by_name(CONTRACT)
            assert contract is not None
            options = TrainOptions(
                target="y",
                id="lead_id",
                time="created_at",
                exclude=("duration",),
                schema=contract.avro,
                name=NAME,
            )
            started = time.monotonic()
            trained = train(past, options, on_step)
            registry = Registry(self._settings.registry)
            version = registry.publish(NAME, trained.artefacts)
            # An earlier demo may have set them, and workers follow them.
            made = Made(DEMO, datetime.now(UTC), "the demo begins")
            registry.set_alias(NAME, Alias.PRODUCTION, version, made)
            for alias in registry.aliases(NAME).keys() - {Alias.PRODUCTION}:
                registry.remove_alias(NAME, alias, made)
        bundle = f"{self._settings.registry}/{NAME}/{version}"
        self._screen.trained(trained, past, bundle, time.monotonic() - started)
        return version

    async def _play(self, rest: Table, version: str) -> int:
        audit, screen = Audit(), self._screen
        with stop_on_signals() as stop:
            async with (
                self._worker() as worker,
                following(audit, self._settings, PARTITIONS, screen.scored) as reading,
                connected_producer(self._settings) as producer,
            ):
                leads, outcomes = self._queues(rest, producer, stop)
                come_out = partial(until_all_out, audit, leads.played, worker, reading, stop)
                await self._first_act(rest, audit, leads, come_out, stop)
                is_complete = True
                if self._watches_drift and not stop.is_set():
                    chain = Chain(self._environment, self._folder, worker, stop)
                    is_complete = await self._second_act(rest, chain, leads, outcomes)
                    await come_out()
                metrics = "" if stop.is_set() else await metrics_of(worker, len(audit.scored))
                code = await worker.stop()
        played = leads.played
        if stop.is_set():
            screen.say("Stopped", f"{played.sent:,} leads sent, {audit.total:,} with an output")
            return EXIT_STOPPED
        faults = [*audit.faults(played), *_failures(played, code)]
        screen.audited(audit, played, faults)
        self._write_metrics(metrics)
        if self._watches_drift:
            await self._write_report()
        else:
            screen.say("Note", "the mock broker delivers late, so the latency is not LeadScore's")
            screen.say("", "drift is monitored on real Kafka only: see `leadscore demo --help`")
        screen.next_steps(self._settings.registry, NAME, version)
        return 0 if is_complete and not faults else EXIT_FAILED

    def _queues(
        self, rest: Table, producer: LeadProducer, stop: asyncio.Event
    ) -> tuple[LeadQueue, OutcomeQueue]:
        """Return what sends the leads, a few of them broken, and their outcomes."""
        contract = SchemaStore.load().by_name(CONTRACT)
        assert contract is not None
        leads = leads_of(rest, contract, lead_id="lead_id", time="created_at")
        as_event = EventMaker(
            contract,
            WireFormat.AVRO,
            bad_share=BAD_SHARE,
            max_bytes=self._settings.max_event_bytes,
            seed=SEED,
        )
        outcomes = outcomes_of(rest, leads, "y", "yes")
        return (
            LeadQueue(leads, producer, self._settings.leads_created, as_event, stop),
            OutcomeQueue(outcomes, producer, self._settings.leads_outcomes, stop),
        )

    async def _first_act(
        self,
        rest: Table,
        audit: Audit,
        queue: LeadQueue,
        come_out: Callable[[], Awaitable[None]],
        stop: asyncio.Event,
    ) -> None:
        """Send the leads up to the retraining, or all, and show what became of them."""
        screen, started = self._screen, time.time()
        count = Acts.of(rest.rows).first if self._watches_drift else rest.rows
        with screen.playing(count, audit):
            if self._watches_drift:
                async with following_drift(self._settings, screen.drifted):
                    await queue.send(count, self._rate, screen.played)
                    await come_out()
                    await self._reports_settle(screen, stop)
            else:
                await queue.send(count, self._rate, screen.played)
                await come_out()
        if stop.is_set():
            return
        screen.summary(audit, queue.played, rest, seconds=audit.last_ms / 1000 - started)
        if self._watches_drift:
            screen.drift_summary()

    async def _second_act(
        self, rest: Table, chain: Chain, leads: LeadQueue, outcomes: OutcomeQueue
    ) -> bool:
        """Play the second act, and send the leads that it leaves; return whether it came to an end.

        The gate, the verdict and the rollout may end it early.
        """
        from stream.demo.second_act import SecondAct

        act = SecondAct(self._settings, chain, self._screen, leads, outcomes, self._rate)
        is_complete = False
        try:
            await act.play(rest)
            is_complete = True
        except StoppedError:
            pass
        except (FatalError, BundleError) as error:
            self._screen.say("Failed", str(error), "bold red")
        await leads.send(leads.left, self._rate)
        return is_complete

    async def _reports_settle(self, screen: DemoScreen, stop: asyncio.Event) -> None:
        """Wait until no further drift report arrives."""
        deadline = time.monotonic() + REPORTS_WITHIN
        while time.monotonic() < deadline and not stop.is_set():
            before = screen.reports
            await asyncio.sleep(SETTLED_AFTER)
            if before and before == screen.reports:
                return

    def _write_metrics(self, metrics: str) -> None:
        path = self._folder / "metrics.prom"
        path.write_text(metrics)
        self._screen.say("Metrics", f"{path}")

    async def _write_report(self) -> None:
        with self._screen.busy("writing an Evidently report") as on_step:
            report = await write_snapshot(self._environment, self._folder, SPAN)
            on_step("written")
        if report is None:
            self._screen.say("Report", f"failed: see {self._folder / 'snapshot.log'}", "red")
        else:
            self._screen.say("Report", f"{report} (Evidently; open it in a browser)")

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[DemoWorker]:
        worker = DemoWorker(self._environment, self._folder)
        try:
            with self._screen.busy("starting a worker"):
                await worker.ready()
            self._screen.say("Worker", f"process {worker.pid}, its log is {worker.log}")
            yield worker
        finally:
            worker.end()


def _failures(played: Played, exit_code: int) -> list[str]:
    failures = [f"{n:,} leads were not delivered: {error}" for error, n in played.failed.items()]
    if exit_code:
        failures.append(f"the worker did not stop cleanly: exit code {exit_code}")
    return failures
