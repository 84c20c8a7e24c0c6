"""`leadscore demo`: train, stream and score real contacts, with an audit at the end."""

from __future__ import annotations

import asyncio
import re
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
from stream.demo.acts import CHAIN, Acts
from stream.demo.audit import Audit
from stream.demo.lead_queue import LeadQueue
from stream.demo.screen import DemoScreen
from stream.demo.worker import DemoWorker, following, following_drift, write_snapshot
from stream.kafka.topic_admin import create_topics, expected_partitions
from stream.process.exit_codes import EXIT_STOPPED, exit_codes
from stream.settings import load_settings
from stream.simulator.connection import connected_producer, stop_on_signals
from stream.simulator.events import EventMaker
from stream.simulator.lead_file import leads_of
from stream.simulator.playing import Lead
from stream.simulator.run import Played

__all__ = ["demo"]

CONTACTS = Path("data/bank_marketing/contacts.csv.gz")
CONTRACT = "bank_contact"
NAME, DEMO = "bank", "leadscore demo"
TRAINED_SHARE = 0.6
BAD_SHARE = 0.002
SEED = 7
PARTITIONS = 4
COUNTED_WITHIN = 10.0
"""Seconds for the worker's metrics to count the leads whose events were seen."""
COME_OUT_WITHIN = 30.0
"""Seconds in which the last outputs must arrive after the last lead was sent."""
LOOK = 0.05
WINDOW_DAYS = 30
DRIFT = {
    "LEADSCORE_ROLE": "all",
    "LEADSCORE_DRIFT_WINDOW_SECONDS": str(WINDOW_DAYS * 86_400),
    "LEADSCORE_DRIFT_HORIZONS": "1,3,12",
    "LEADSCORE_DRIFT_LATENESS_SECONDS": "0",
    "LEADSCORE_DRIFT_IDLE_SECONDS": "2",
    "LEADSCORE_DRIFT_SEASON_SECONDS": "0",
}
"""Two years are played in seconds: windows span a month, and late leads are not awaited."""
SETTLED_AFTER = 1.2
REPORTS_WITHIN = 6.0
"""Seconds in which the last drift reports must arrive after the last output."""
SPAN = "10m"
"""Time range of the snapshot."""
EXIT_UNACCOUNTED = 1


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
    later months. Drift starts a retraining; its candidate is compared in shadow, gets a share of
    the next leads as the canary, and goes into production.

    Exit codes: 0 every lead has a score or a dead letter; 1 the audit failed (the summary says
    why); 2 an option or the data are unusable; 3 no broker, or the worker did not start; 130
    stopped by Ctrl-C.
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
        bundle = self._train(contacts.slice(0, cut))
        rest = contacts.slice(cut, contacts.rows)
        return asyncio.run(self._play(rest, bundle))

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
        """Train and publish a model; return the bundle's folder."""
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
        return bundle

    async def _play(self, rest: Table, bundle: str) -> int:
        leads, as_event = self._stream_of(rest)
        audit, screen = Audit(), self._screen
        with stop_on_signals() as stop:
            async with (
                self._worker() as worker,
                following(audit, self._settings, PARTITIONS, screen.scored) as reading,
                connected_producer(self._settings) as producer,
            ):
                queue = LeadQueue(leads, producer, self._settings.leads_created, as_event, stop)
                come_out = partial(self._come_out, audit, queue.played, worker, reading, stop)
                await self._first_act(rest, audit, queue, worker, come_out)
                if self._watches_drift and not stop.is_set():
                    await self._second_act(rest, queue, stop)
                    await come_out()
                code = await worker.stop()
        played = queue.played
        if played.stopped or stop.is_set():
            screen.say("Stopped", f"{played.sent:,} leads sent, {audit.total:,} with an output")
            return EXIT_STOPPED
        faults = [*audit.faults(played), *_failures(played, code)]
        if self._watches_drift:
            screen.audited(played, faults)
            await self._write_report()
        else:
            screen.say("Note", "the mock broker delivers late, so the latency is not LeadScore's")
            screen.say("", "drift is monitored on real Kafka only: see `leadscore demo --help`")
        screen.next_steps(bundle)
        return EXIT_UNACCOUNTED if faults else 0

    def _stream_of(self, rest: Table) -> tuple[list[Lead], EventMaker]:
        """Return the leads that are played, and what makes events of them, a few of them broken."""
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
        return leads, as_event

    async def _first_act(
        self,
        rest: Table,
        audit: Audit,
        queue: LeadQueue,
        worker: DemoWorker,
        come_out: Callable[[], Awaitable[None]],
    ) -> None:
        """Send the leads up to the retraining, or all, and show what came of them."""
        screen, started = self._screen, time.time()
        count = Acts.of(rest.rows).first if self._watches_drift else rest.rows
        async with following_drift(self._settings, screen.drifted):
            with screen.playing(count, audit):
                await queue.send(count, self._rate, screen.played)
                await come_out()
                await self._reports_settle(screen, queue.stop)
        if queue.stop.is_set():
            return
        metrics = self._folder / "metrics.prom"
        metrics.write_text(await self._counted(worker, len(audit.scored)))
        seconds = audit.last_ms / 1000 - started
        faults = audit.faults(queue.played)
        screen.summary(audit, queue.played, faults, rest, seconds=seconds, folder=self._folder)
        if self._watches_drift:
            screen.drift_summary()

    async def _second_act(self, rest: Table, queue: LeadQueue, stop: asyncio.Event) -> None:
        """Retrain, and bring the candidate into production; send all leads in any case."""
        from stream.demo.second_act import SecondAct, StoppedError

        async def send(count: int | None, rate: float | None) -> None:
            await queue.send(count, rate or self._rate)

        act = SecondAct(self._settings, self._environment, self._folder, self._screen, stop)
        try:
            await act.play(rest, send)
        except StoppedError:
            return
        except (FatalError, BundleError) as error:
            self._screen.say("Retrain", f"failed: {error}", "red")
        await send(None, None)

    async def _reports_settle(self, screen: DemoScreen, stop: asyncio.Event) -> None:
        """Wait until no further drift report arrives."""
        deadline = time.monotonic() + (REPORTS_WITHIN if self._watches_drift else 0.0)
        while time.monotonic() < deadline and not stop.is_set():
            before = screen.reports
            await asyncio.sleep(SETTLED_AFTER)
            if before and before == screen.reports:
                return

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

    @staticmethod
    async def _come_out(
        audit: Audit,
        played: Played,
        worker: DemoWorker,
        reading: asyncio.Task[None],
        stop: asyncio.Event,
    ) -> None:
        """Wait until there are as many outputs as leads were sent."""
        deadline = time.monotonic() + COME_OUT_WITHIN
        while audit.total < played.sent and time.monotonic() < deadline and not stop.is_set():
            worker.check()
            if reading.done():
                reading.result()
            await asyncio.sleep(LOOK)

    @staticmethod
    async def _counted(worker: DemoWorker, scored: int) -> str:
        """Return the metrics once they include all scored leads; they lag behind the events."""
        deadline = time.monotonic() + COUNTED_WITHIN
        while True:
            metrics = await asyncio.to_thread(worker.metrics)
            found = re.search(r"^leadscore_leads_scored_total (\d+)", metrics, re.M)
            is_counted = found is not None and int(found[1]) >= scored
            if is_counted or time.monotonic() > deadline:
                return metrics
            await asyncio.sleep(LOOK)


def _failures(played: Played, exit_code: int) -> list[str]:
    failures = [f"{n:,} leads were not delivered: {error}" for error, n in played.failed.items()]
    if exit_code:
        failures.append(f"the worker did not stop cleanly: exit code {exit_code}")
    return failures
