"""Reads what a verdict needs, a partition at a time, and adds it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np
from aiokafka import TopicPartition
from numpy.typing import NDArray

from agents.verdict.known_outcomes import Horizon
from agents.verdict.partition_pairs import pair_partition
from agents.verdict.verdict import Subject, Verdict
from schemas.errors import FatalError, InputError
from schemas.model_identity import ModelIdentity
from schemas.scored_event_reader import ScoredEventReader
from stream.kafka.access import Use
from stream.outcomes.final_outcomes import final_outcomes
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings
from stream.snapshot.record_sample import Span, TimeRange, read_span, spans_within
from stream.verdict.request import Request
from stream.verdict.results import MODELS, Results

__all__ = ["judge"]

AHEAD_MS = 3_600_000
"""Clocks of a CRM and of a worker may differ: events up to this long before a lead are read."""
FOREVER_MS = 1 << 62
DAY_MS = 86_400_000

Progress = Callable[[str, int], None]


async def judge(settings: Settings, request: Request, progress: Progress) -> Verdict:
    """Compare the results of the workers and of the shadow for the same leads.

    Memory holds the results of one partition, 40 bytes each, and all final outcomes, 33 bytes each.

    Parameters
    ----------
    settings
        Kafka's address, the topics, and which outcomes count.
    request
        What to compare.
    progress
        Called with a topic and the number of its records that were read so far.

    Raises
    ------
    StartupError
        Kafka can't be reached, or lacks a topic.
    FatalError
        Kafka stopped answering, or no lead has a result of both sides.
    InputError
        Both versions are the same model.
    """
    reading = _Reading(settings, request, progress)
    verdict = Verdict(_subject(settings, request))
    spans = await reading.spans(settings.leads_scored_shadow, request.start_ms)
    _require_two_models(request)
    outcomes = await reading.outcomes(request.start_ms - AHEAD_MS)
    horizon = Horizon(
        round(settings.outcome_horizon_days * DAY_MS), round(settings.outcome_late_days * DAY_MS)
    )
    for number in sorted(partition.partition for partition in spans):
        shadow = await reading.shadow(number, spans)
        if shadow.earliest is None:
            continue
        live = await reading.live(number, shadow.earliest - AHEAD_MS)
        sides = live.columns.rows(), shadow.columns.rows()
        verdict.add(pair_partition(*sides, MODELS, outcomes, horizon))
    if not verdict.counts.reached:
        raise _no_pairs(settings, request)
    verdict.notes += reading.notes(verdict)
    return verdict


def _subject(settings: Settings, request: Request) -> Subject:
    since = "" if not request.start_ms else f" since {_moment(request.start_ms)} UTC"
    return Subject(
        live=_name(request.live),
        shadow=_name(request.shadow),
        where=f"leads of {settings.leads_created}, scored by both{since}",
        difference=request.difference,
        horizon_days=settings.outcome_horizon_days,
    )


def _require_two_models(request: Request) -> None:
    if request.live.sha256 == request.shadow.sha256:
        raise InputError(
            f"expected two models to compare, but {_name(request.live)} and"
            f" {_name(request.shadow)} are the same: give the alias shadow to another version, or"
            " name the versions with --live and --candidate"
        )


def _no_pairs(settings: Settings, request: Request) -> FatalError:
    later = ""
    if request.learnt_until_ms:
        until = _moment(request.learnt_until_ms)
        later = f" created after {until} UTC, as the candidate has learnt from earlier ones,"
    return FatalError(
        f"expected leads with a result of {_name(request.live)} in {settings.leads_scored} and of"
        f" {_name(request.shadow)} in {settings.leads_scored_shadow},{later} but there are"
        " none: start `leadscore worker --role shadow` and wait until it has caught up, look for"
        f" leads that it can't score in {settings.leads_scored_shadow_dlq}, or name the versions"
        " with --live and --candidate"
    )


class _Reading:
    """Reads the topics of a verdict, and counts what it could not read."""

    def __init__(self, settings: Settings, request: Request, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._events = ScoredEventReader(asked_schemas(settings))
        self._numbers = dict(zip((request.live.sha256, request.shadow.sha256), MODELS, strict=True))
        self._seen: dict[str, int] = {}
        self._learnt_until_ms = request.learnt_until_ms
        self._unreadable = self._no_outcomes = self._learnt = 0

    async def spans(self, topic: str, start_ms: int) -> Mapping[TopicPartition, Span]:
        """Return the offsets of each partition of a topic, from a time on."""
        within = TimeRange(max(start_ms, 0), FOREVER_MS)
        return await spans_within(self._settings, topic, within, Use.VERDICT)

    async def shadow(self, number: int, spans: Mapping[TopicPartition, Span]) -> Results:
        """Read the results of the shadow for a partition."""
        settings = self._settings
        results = self._results(number)
        at = TopicPartition(settings.leads_scored_shadow, number)
        await self._read(at, spans, results.add_scores)
        if results.earliest is not None:
            letters = settings.leads_scored_shadow_dlq
            await self._read_since(letters, number, results.earliest, results.add_dead_letters)
        self._unreadable += results.unreadable
        self._learnt += results.learnt
        return results

    async def live(self, number: int, start_ms: int) -> Results:
        """Read the results of the workers for a partition."""
        settings = self._settings
        results = self._results(number)
        await self._read_since(settings.leads_scored, number, start_ms, results.add_scores)
        letters = settings.leads_created_dlq
        await self._read_since(letters, number, start_ms, results.add_dead_letters)
        self._unreadable += results.unreadable
        return results

    def _results(self, number: int) -> Results:
        by_creation = self._settings.outcome_time == "created_at"
        topic = self._settings.leads_created
        until = self._learnt_until_ms
        return Results(topic, number, self._number_of, by_creation, until, self._events)

    async def outcomes(self, start_ms: int) -> NDArray[np.void]:
        """Read the final outcomes of all leads."""
        topic, found = self._settings.leads_outcomes, final_outcomes(self._settings)
        spans = await self.spans(topic, start_ms)
        for partition in spans:
            await self._read(partition, spans, found.add)
        self._no_outcomes = found.unreadable
        return found.rows

    async def _read_since(
        self, topic: str, number: int, start_ms: int, add: Callable[..., None]
    ) -> None:
        await self._read(TopicPartition(topic, number), await self.spans(topic, start_ms), add)

    async def _read(
        self,
        partition: TopicPartition,
        spans: Mapping[TopicPartition, Span],
        add: Callable[..., None],
    ) -> None:
        if partition not in spans:
            return
        async for records in read_span(self._settings, partition, spans[partition]):
            add(records)
            topic = partition.topic
            self._seen[topic] = self._seen.get(topic, 0) + len(records)
            self._progress(topic, self._seen[topic])

    def _number_of(self, sha256: str) -> int:
        return self._numbers.setdefault(sha256, len(self._numbers) + 1)

    def notes(self, verdict: Verdict) -> list[str]:
        """Return sentences that limit what the figures say."""
        settings, found = self._settings, []
        if unmatched := verdict.counts.unmatched:
            found.append(
                f"Leads with a result of one of the two models alone: {unmatched:,} (the other one"
                " has expired, or another version scored them). They are in no figure."
            )
        if self._learnt:
            found.append(
                f"Scores of leads created up to {_moment(self._learnt_until_ms)} UTC:"
                f" {self._learnt:,}. The candidate may have learnt from them, so they do not count."
            )
        if self._unreadable:
            found.append(f"Records that are no scored event: {self._unreadable:,}.")
        if self._no_outcomes:
            found.append(
                f"Records of {settings.leads_outcomes} that are no outcome: {self._no_outcomes:,}."
            )
        if verdict.outcomes:
            found.append(
                f"A lead without a final outcome {settings.outcome_horizon_days:g} days after its"
                " score counts as a failure (LEADSCORE_OUTCOME_HORIZON_DAYS)."
            )
        return found


def _name(model: ModelIdentity) -> str:
    return f"{model.id}/{model.version}"


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
