"""Gathers evidence on the model in production: drift, quality, age, new labels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import TopicPartition

from agents.drift_reports import decode_report
from agents.quality.reported_quality import ReportedQuality
from agents.quality.verdict import LEAST_KNOWN
from agents.retraining.triggers import Evidence
from model.bundle import Bundle, describe_bundle
from model.registry import Registry, followed_model
from model.training.capacity_bands import learned_at
from monitoring.quality.figure import proportion
from monitoring.quality.ranking import auc
from schemas.errors import StartupError
from stream.kafka.access import Use
from stream.kafka.log_reader import LogReader
from stream.process.model_trial import Trials
from stream.quality.quality_log import QualityLog
from stream.retraining.hand_over import find_candidate
from stream.retraining.ledger import Ledger
from stream.settings import Settings

__all__ = ["EvidenceReader", "drift_of", "quality_of"]

log = logging.getLogger(__name__)

REPORTS = 300
"""Latest records of the topic of drift reports that are looked at."""
TOO_FEW = "too_few"


class EvidenceReader:
    """Reads evidence from the registry and the topics, without a consumer group.

    Parameters
    ----------
    settings
        Kafka's address, the topics and the registry.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings.registry)
        self._reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
        self._quality = QualityLog(settings, settings.leads_scored, Use.TRAIN)

    async def read(self, ledger: Ledger, now: int) -> Evidence:
        """Return the evidence at a time, in milliseconds since 1970.

        Raises
        ------
        BundleError
            There is no model in production, or the registry can't be read.
        KafkaError
            Kafka can't be read.
        """
        production = await asyncio.to_thread(self._production)
        published = learned_at(production)
        return Evidence(
            now=now,
            model=f"{production.name}/{production.version}",
            published_at=None if published is None else round(published * 1000),
            trained_auc=_trained_auc(production),
            new_labels=await self._new_labels(ledger),
            is_running=ledger.open is not None or await self._has_candidate(ledger, now),
            ended_at=ledger.ended_at,
            handled=ledger.handled,
            **drift_of(await self._reports(), production.sha256),
            **quality_of(await self._reported(), production.sha256),
        )

    def _production(self) -> Bundle:
        return describe_bundle(self._registry.resolve(self._settings.model), Trials())

    async def _has_candidate(self, ledger: Ledger, now: int) -> bool:
        """Return whether a candidate is on its way: another one would take its place in shadow."""
        settings = self._settings
        model = followed_model(settings.model)
        if model is None:
            return False
        records = ledger.records.values()
        found = await asyncio.to_thread(find_candidate, self._registry, model, records)
        days = settings.outcome_horizon_days + settings.outcome_late_days
        patience = timedelta(days=days + settings.retrain_repeat_days)
        at = datetime.fromtimestamp(now / 1000, UTC)
        return found is not None and found.is_under_way(at, patience)

    async def _reports(self) -> list[Mapping[str, Any]]:
        at = TopicPartition(self._settings.leads_drift, 0)
        end = await self._reader.end_offset(at)
        found = []
        for record in await self._reader.last(at, REPORTS, before=end) if end else ():
            try:
                report = decode_report(record.value)
            except ValueError:  # the role drift reports it
                continue
            if report["topic"] == self._settings.leads_created:
                found.append(report)
        return found

    async def _reported(self) -> ReportedQuality:
        """Return the reports on quality; those known before if they can't be read now."""
        try:
            await self._quality.read()
        except StartupError as error:
            log.warning("the quality of live scores triggers no retraining now: %s", error)
        return self._quality.reported

    async def _new_labels(self, ledger: Ledger) -> int | None:
        """Return how many outcomes were written since the last plan; None before the first."""
        plan = ledger.last_plan
        if plan is None:
            return None
        seen = {each.partition: each.end for each in plan.outcomes}
        async with self._reader.open() as consumer:
            numbers = await _partitions(consumer, self._settings.leads_outcomes)
            ends = await consumer.end_offsets(
                [TopicPartition(self._settings.leads_outcomes, number) for number in numbers]
            )
        return int(sum(max(0, end - seen.get(at.partition, 0)) for at, end in ends.items()))


async def _partitions(consumer: Any, topic: str) -> Iterable[int]:
    await consumer.topics()  # fetches the metadata
    return consumer.partitions_for_topic(topic) or ()


def drift_of(reports: Iterable[Mapping[str, Any]], sha256: str) -> dict[str, Any]:
    """Return the drift of a model, as fields of ``Evidence``; nothing where it is unknown.

    It is that of the newest window's longest horizon that has enough leads.

    Parameters
    ----------
    reports
        Records of drift_report.avsc, in the order of the topic.
    sha256
        The model.
    """
    windows = [r for r in reports if r["alarm"] is None and r["model_sha256"] == sha256]
    newest = max(windows, key=lambda report: (report["window_end"], report["leads"]), default=None)
    known = [h for h in (newest or {"horizons": ()})["horizons"] if h["state"] != TOO_FEW]
    if not known:
        return {}
    longest = max(known, key=lambda horizon: horizon["end"] - horizon["start"])
    return {
        "drift_state": longest["state"],
        "drifted_share": longest["drifted_share"],
        "is_prediction_drift": longest["is_prediction_drift"],
    }


def quality_of(reported: ReportedQuality, sha256: str) -> dict[str, Any]:
    """Return the quality of a model's live scores, as fields of ``Evidence``.

    It is that of the latest weeks with known outcomes, as `leadscore quality` shows it; nothing
    while fewer than ``LEAST_KNOWN`` outcomes are known.

    Parameters
    ----------
    reported
        The reports of leads.quality on live scores.
    sha256
        The model.
    """
    model = next((model for model in reported.models if model.sha256 == sha256), None)
    span = None if model is None else reported.span(model)
    if model is None or span is None:
        return {}
    counts = reported.counts(model, span.latest)
    if counts.known < LEAST_KNOWN:
        return {}
    return {
        "live_auc": auc(counts.table[:, 0], counts.table[:, 1]),
        "live_conversion": proportion(counts.positives, counts.known),
        "expected_conversion": counts.mean_score,
    }


def _trained_auc(production: Bundle) -> float | None:
    """Return the AUC that the training measured: on the latest leads, or cross-validated."""
    metrics: Mapping[str, Any] = production.metadata.metrics
    figures = metrics.get("latest") or metrics.get("cross_validated") or {}
    auc = figures.get("auc")
    return auc if isinstance(auc, float) else None
