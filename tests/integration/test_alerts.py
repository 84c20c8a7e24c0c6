"""A real Prometheus reads the exposed metrics and fires the alerts that it should."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
from prometheus_client import CollectorRegistry

from features.binning import build_reference
from features.counts import CountLayout
from features.field_spec import CategoryField, NumberField
from features.matrix import FeatureEncoder
from features.spec import FeatureSpec
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.field_drift import DriftState
from monitoring.telemetry.archive_metrics import ArchiveMetrics
from monitoring.telemetry.drift_gauges import DriftMetrics
from monitoring.telemetry.health import Health
from monitoring.telemetry.hook_metrics import HookMetrics
from monitoring.telemetry.http import MonitoringServer, monitoring_app
from monitoring.telemetry.lag_gauges import GroupLagGauges, GroupPartition
from monitoring.telemetry.metrics import Metrics, PartitionLag, SourceState, Stage, worker_registry
from monitoring.telemetry.replay_metrics import ReplayMetrics
from monitoring.telemetry.rest_metrics import RestMetrics
from monitoring.telemetry.sink_metrics import SinkMetrics
from monitoring.telemetry.snapshot_metrics import LastSnapshot, SnapshotMetrics
from schemas.errors import ErrorCode
from schemas.model_identity import ModelIdentity
from testing.kafka_client import until
from tests.integration.exposed_outcomes import (
    a_canary,
    a_model_whose_scores_are_worthless,
    a_retraining,
    a_rollout,
    an_outcome_worker,
)
from tests.prometheus_files import ALERTS, QUERIES
from tests.prometheus_process import RealPrometheus

HORIZONS = {"5m": 300_000, "1h": 3_600_000, "24h": 86_400_000}
SPEC = FeatureSpec(
    fields=(
        NumberField(name="visits"),
        CategoryField(name="industry", encoding="one_hot", levels=("health", "retail", "software")),
        NumberField(name="company_size"),
    )
)
LEADS = 5000
DAY, PERIOD = 86_400.0, 3_600.0

PATIENT = {alert["alert"] for alert in ALERTS if "for" in alert}
ON_DRIFT = {
    "LeadScoreFieldDrift",
    "LeadScoreFieldDriftCritical",
    "LeadScoreDrift",
    "LeadScorePredictionDrift",
    "LeadScoreMissingSurge",
    "LeadScoreUnseenSurge",
    "LeadScoreEngagementOutOfRange",
    "LeadScoreConfirmedChange",
}
ON_THE_SERVICE = {alert["alert"] for alert in ALERTS} - ON_DRIFT


def made_up_leads(seed: int, *, are_others: bool) -> tuple[dict[str, object], np.ndarray]:
    """Leads as columns and their scores: as the model learnt them, or others in every way."""
    random = np.random.default_rng(seed)
    shares = [0.2, 0.2, 0.2, 0.4] if are_others else [0.5, 0.3, 0.2, 0.0]
    industry = random.choice(["health", "retail", "software", "mining"], LEADS, p=shares)
    visits = random.normal(2.0 if are_others else 0.0, 1, LEADS)
    size = random.normal(0, 1, LEADS)
    size[random.random(LEADS) < (0.4 if are_others else 0.02)] = np.nan
    mean = 0.6 if are_others else 0.25
    scores = random.beta(8 * mean, 8 * (1 - mean), LEADS).astype(np.float32)
    return {"visits": visits, "industry": industry.tolist(), "company_size": size}, scores


def assessments(seed: int, *, are_others: bool) -> list[Assessment]:
    """Return the assessment of such leads, on each horizon."""
    training: Any
    columns: Any
    training, trained = made_up_leads(1, are_others=False)
    reference = build_reference(SPEC, training, LEADS, trained)
    layout = CountLayout(reference)
    assessor = Assessor(layout, importance={"visits": 1.0}, engagement=(0.15, 0.40))
    columns, scores = made_up_leads(seed, are_others=are_others)
    bins = FeatureEncoder(SPEC, reference).encode(columns, LEADS).bins
    counts = layout.count(bins, scores, label=0.5)
    return [
        assessor.assess(counts, name=name, start=0, end=length) for name, length in HORIZONS.items()
    ]


class Exposed:
    """A worker, a drift worker and a snapshot job, as far as Prometheus sees them."""

    def __init__(self, last_snapshot: float | None = None) -> None:
        worker, drift, snapshot = worker_registry(), CollectorRegistry(), CollectorRegistry()
        self.worker = Metrics(worker, version="1.0.0")
        self.drift = DriftMetrics(drift)
        self.snapshot = SnapshotMetrics(
            snapshot,
            period=PERIOD,
            last=LastSnapshot(last_snapshot or time.time(), 12.0, 10_000, 0.25),
        )
        self.registries = {
            "leadscore-worker": worker,
            "leadscore-drift": drift,
            "leadscore-snapshot": snapshot,
        }
        self.worker.watch_source(self.source)
        self.rest = RestMetrics(CollectorRegistry())
        self.hooks = HookMetrics(CollectorRegistry(), ("generic", "hubspot"))
        self.is_sick = False

    async def go_on(self) -> None:
        """Tick until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(0.1)

    def tick(self) -> None:
        """Go on for a moment: a batch, and the counts of it."""
        leads, seconds = 100, 0.2 if self.is_sick else 0.002
        self.worker.batch_consumed("leads.created", 0, leads)
        for stage in get_args(Stage):
            self.worker.observe_stage(stage, seconds)
        self.worker.observe_scoring(seconds)
        self.worker.observe_batches(
            consumed=[leads],
            scores=np.full(leads, 0.25, dtype=np.float32),
            coverage=np.full(leads, 0.4 if self.is_sick else 1.0, dtype=np.float32),
            low_coverage=np.full(leads, self.is_sick),
            latency_seconds=np.full(leads, 2.0 if self.is_sick else 0.004),
            dead_letters=Counter(
                {ErrorCode.DECODE: 20, ErrorCode.UNREADABLE: 1, ErrorCode.ATTEMPTS: 1}
                if self.is_sick
                else {}
            ),
        )
        if self.is_sick:
            self.worker.records_lost("leads.created", 0, "retention", 5)
            self.worker.foreign_commit("leads.created", 0, "forward", 5)
            self.worker.pinned_model_missing()
            self.worker.leads_out_of_order(20)
            self.worker.schemas.waiting(1)
            self.rest.answered("/score-lead", 503, 3.0)
            self.hooks.answered("/hooks/generic", 503, 3.0)
            self.hooks.answered("/hooks/hubspot", 401, 0.01)
            self.drift.windows_closed_early(1)
        else:
            self.drift.partials_taken(1)

    def source(self) -> SourceState:
        lag = 90 if self.is_sick else 0
        return SourceState(
            lags=(
                PartitionLag("leads.created", 0, lag, lag, 30.0),
                PartitionLag("leads.created", 1, lag, lag, 30.0),
            ),
            assigned_partitions=2,
            last_commit_age=90.0,
            is_ready=not self.is_sick,
            stuck={("leads.created", 0): self.is_sick},
        )

    def load_model(self, *, days_ago: float) -> None:
        self.worker.model_loaded(
            ModelIdentity("leads", "3", "ab"),
            engine="onnx",
            calibration="platt",
            published=time.time() - days_ago * DAY,
        )

    def show(self, seed: int, *, are_others: bool) -> None:
        for horizon in assessments(seed, are_others=are_others):
            self.drift.show(horizon)
        self.drift.show_engagement_range(0.15, 0.40)
        self.drift.rolling(mean=0.25, variance=0.02, quantiles={0.1: 0.1, 0.5: 0.2, 0.9: 0.5})
        self.drift.watermark(int(time.time() * 1000))
        self.drift.open_windows(1)
        self.drift.window_closed()


def a_group_behind() -> CollectorRegistry:
    """Metrics of the lag exporter."""
    registry = CollectorRegistry()
    known = GroupPartition("sales", "leads.scored", 0, 90, 90.0, 30.0, 5, is_known=True)
    GroupLagGauges(registry, time.monotonic).succeeded([known])
    return registry


def groups_with_every_fault() -> CollectorRegistry:
    """Metrics of a lag exporter that read a group of all faults, and can't read any more."""
    registry, read_at = CollectorRegistry(), [0.0]
    gauges = GroupLagGauges(registry, lambda: read_at[0])
    late = GroupPartition("sales", "leads.scored", 0, 90, 900.0, math.inf, 5, is_known=True)
    unknown = GroupPartition("sales", "leads.scored", 1, None, None, None, 0, is_known=False)
    gauges.succeeded([late, unknown])
    gauges.failed()
    read_at[0] = 90.0
    return registry


def a_replay() -> CollectorRegistry:
    """Metrics of a replay."""
    registry = CollectorRegistry()
    ReplayMetrics(registry).show({"scored": 900, "dead_lettered": 10}, 90, yields=True)
    return registry


def an_archive_with_every_fault() -> CollectorRegistry:
    """Metrics of a worker whose archive lacks leads, and whose disk is full."""
    registry = CollectorRegistry()
    archive = ArchiveMetrics(registry)
    archive.records_lost("leads.created", 0, "retention", 5)
    archive.waits_for_room(True)
    archive.watch_lags(lambda: [PartitionLag("leads.created", 0, 5, 5, 30.0)])
    return registry


def a_rest_server() -> CollectorRegistry:
    """Metrics of a REST server that has answered a request."""
    registry = CollectorRegistry()
    rest = RestMetrics(registry)
    rest.answered("/v1/score", 200, 0.01)
    rest.scored_batch(3)
    rest.looked_up(True)
    rest.wrote_leads(3, True)
    rest.lead_store_up(True)
    rest.looked_up_leads(found=2, unknown=1, seconds=0.002)
    rest.show_ready(lambda: True)
    return registry


def a_sink_with_every_fault() -> tuple[CollectorRegistry, SinkMetrics]:
    """Metrics of a sink that is late and has lost records, and whose target is unavailable."""
    registry = CollectorRegistry()
    sink = SinkMetrics(registry, name="crm", kind="sql", content="scores")
    sink.target_unavailable()
    sink.records_lost("leads.scored", 0, "retention", 5)
    sink.watch_source(_late_source)
    return registry, sink


def _late_source() -> SourceState:
    return SourceState(
        lags=(PartitionLag("leads.scored", 0, 900, 900.0, math.inf),),
        assigned_partitions=1,
        last_commit_age=1.0,
        is_ready=True,
    )


def a_receiver_of_webhooks() -> CollectorRegistry:
    """Metrics of a receiver that has accepted a webhook."""
    registry = CollectorRegistry()
    hooks = HookMetrics(registry)
    hooks.answered("/hooks/generic", 200, 0.01)
    hooks.received("generic", {"written": 1})
    return registry


def a_sink() -> CollectorRegistry:
    """Metrics of a sink that has written, refused and waited."""
    registry = CollectorRegistry()
    sink = SinkMetrics(registry, name="crm", kind="sql", content="scores")
    sink.wrote(["written", "refused"], 0.02)
    sink.dead_letter(ErrorCode.OUTPUT_TOO_LARGE)
    sink.target_unavailable()
    sink.target_reached()
    sink.watch_source(_late_source)
    return registry


@asynccontextmanager
async def seen_by_prometheus(
    folder: Path, exposed: Exposed, also: Mapping[str, list[int]] = MappingProxyType({})
) -> AsyncIterator[RealPrometheus]:
    """Serve what is exposed, keep it going, and have a Prometheus scrape it."""
    async with AsyncExitStack() as open_ones:
        ports = {job: list(numbers) for job, numbers in also.items()}
        for job, registry in exposed.registries.items():
            app = monitoring_app(
                registry=registry,
                health=Health(time.monotonic()),
                model_info=lambda: None,
                clock=time.monotonic,
            )
            server = MonitoringServer(app, host="127.0.0.1", port=0)
            await open_ones.enter_async_context(server)
            ports.setdefault(job, []).append(server.port)
        going_on = asyncio.create_task(exposed.go_on())
        open_ones.callback(going_on.cancel)
        yield await open_ones.enter_async_context(RealPrometheus(folder, ports))
        assert not going_on.done()


async def test_drift_fires_alerts_that_resolve_when_it_ends(tmp_path: Path) -> None:
    exposed = Exposed()
    exposed.load_model(days_ago=1)
    exposed.show(2, are_others=False)
    async with seen_by_prometheus(tmp_path, exposed) as prometheus:
        await until(lambda: has_data(prometheus, "leadscore:feature_coverage_ratio:mean10m"))
        assert not set(await prometheus.alerts()) & ON_DRIFT

        exposed.show(3, are_others=True)
        exposed.drift.alarm(detector="adwin", stream="score", is_confirmed=True)
        pending: set[str] = set()

        async def all_fire() -> bool:
            alerts = await prometheus.alerts()
            pending.update(name for name, states in alerts.items() if "pending" in states)
            return {name for name, states in alerts.items() if "firing" in states} >= ON_DRIFT

        await until(all_fire, what=f"all of {sorted(ON_DRIFT)} firing")
        assert pending == ON_DRIFT & PATIENT
        assert set(await prometheus.alerts()) == ON_DRIFT
        listed = await prometheus.alerts_named("LeadScoreFieldDriftCritical")
        assert {alert["labels"]["window"] for alert in listed} == HORIZONS.keys()
        assert {alert["labels"]["model"] for alert in listed} == {"leads"}
        for alert in listed:
            assert "far over " in alert["annotations"]["summary"]
            assert all(field.name in alert["annotations"]["summary"] for field in SPEC.fields)
        [summary, *_] = [
            alert["annotations"]["summary"]
            for alert in await prometheus.alerts_named("LeadScoreDrift")
        ]
        assert summary.startswith("100% of the model's fields have drifted over ")

        exposed.show(4, are_others=False)
        await until(lambda: only(prometheus, {"LeadScoreConfirmedChange"}), what="all well")
        assert await prometheus.rules_in_error() == []


async def test_every_fault_of_the_service_fires_its_alert(tmp_path: Path) -> None:
    exposed = Exposed(last_snapshot=time.time() - 4 * PERIOD)
    exposed.is_sick = True
    exposed.load_model(days_ago=91)
    exposed.worker.model_load_failing(True)
    day = assessments(2, are_others=False)[-1]
    exposed.drift.show_window([replace(day, leads=12, state=DriftState.TOO_FEW)])
    exposed.registries["leadscore-lag"] = groups_with_every_fault()
    exposed.registries["leadscore-archive"] = an_archive_with_every_fault()
    exposed.registries["leadscore-sink"], sink = a_sink_with_every_fault()
    exposed.registries["leadscore-serve"] = exposed.rest.registry
    exposed.registries["leadscore-hooks"] = exposed.hooks.registry
    exposed.registries["leadscore-quality"] = a_model_whose_scores_are_worthless()
    exposed.registries["leadscore-outcomes"], outcomes = an_outcome_worker()
    exposed.registries["leadscore-canary"] = a_canary(is_failing=True)
    exposed.registries["leadscore-rollout"], rollout = a_rollout()
    exposed.registries["leadscore-trainer"] = a_retraining("failed")
    exposed.rest.lead_store_up(False)
    with closed_port() as port:
        async with seen_by_prometheus(tmp_path, exposed, {"leadscore-drift": [port]}) as prometheus:
            await until(lambda: has_data(prometheus, "leadscore_snapshot_failures_total"))
            exposed.snapshot.failed()
            await until(lambda: has_data(prometheus, "leadscore_sink_dead_letters_total"))
            sink.dead_letter(ErrorCode.SINK_REFUSED)
            await until(lambda: has_data(prometheus, "leadscore_rollout_rollbacks_total"))
            rollout.rolled_back("errors")
            await until(lambda: has_data(prometheus, "leadscore_outcome_scores_total"))
            outcomes.scores_read(False, joined=5, unusable=0)
            await until(
                lambda: firing(prometheus, ON_THE_SERVICE), what=f"{sorted(ON_THE_SERVICE)} firing"
            )
            assert set(await prometheus.alerts()) == ON_THE_SERVICE
            [down] = await prometheus.alerts_named("LeadScoreWorkerDown")
            assert down["labels"]["instance"] == f"127.0.0.1:{port}"
            [stalled] = await prometheus.alerts_named("LeadScoreStalled")
            assert stalled["annotations"]["summary"].endswith("5 minutes: 1.")
            assert await prometheus.rules_in_error() == []


async def test_every_query_of_the_dashboards_returns_data(tmp_path: Path) -> None:
    exposed = Exposed()
    exposed.load_model(days_ago=1)
    exposed.worker.rebalanced()
    exposed.worker.records_lost("leads.created", 0, "retention", 5)
    exposed.worker.foreign_commit("leads.created", 0, "forward", 5)
    exposed.show(3, are_others=True)
    exposed.drift.alarm(detector="windowed", stream="all", is_confirmed=True)
    exposed.registries |= {
        "leadscore-lag": a_group_behind(),
        "leadscore-replay": a_replay(),
        "leadscore-archive": an_archive_with_every_fault(),
        "leadscore-rest": a_rest_server(),
        "leadscore-hooks": a_receiver_of_webhooks(),
        "leadscore-sink": a_sink(),
        "leadscore-quality": a_model_whose_scores_are_worthless(),
        "leadscore-outcomes": an_outcome_worker()[0],
        "leadscore-canary": a_canary(is_failing=False),
        "leadscore-rollout": a_rollout()[0],
        "leadscore-trainer": a_retraining(),
    }
    async with seen_by_prometheus(tmp_path, exposed) as prometheus:
        for panel, query in QUERIES:
            asked = query.replace("$__rate_interval", "1m").replace("$window", "1h")
            assert "$" not in asked
            await until(lambda asked=asked: has_data(prometheus, asked), what=f"{panel}: {asked}")  # type: ignore[misc]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody answers on, and nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def firing(prometheus: RealPrometheus, names: set[str]) -> bool:
    alerts = await prometheus.alerts()
    return {name for name, states in alerts.items() if "firing" in states} >= names


async def has_data(prometheus: RealPrometheus, query: str) -> bool:
    return bool(await prometheus.query(query))


async def only(prometheus: RealPrometheus, names: set[str]) -> bool:
    return set(await prometheus.alerts()) == names
