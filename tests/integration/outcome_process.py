"""Workers in the role outcomes, what they are given, and what they report; no model is needed."""

from __future__ import annotations

import random
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from agents.outcomes.lead_state import week_of
from agents.outcomes.partition_join import ArrivedOutcome, ScoredLead
from agents.quality.quality_report import QualityReport, decode_quality_report
from schemas.lead_outcome import encode_outcome
from schemas.record_codec import RecordCodec
from testing.kafka_client import Record, produce, until
from testing.scored_events import scored as scored_event
from tests.integration.sink_process import sink_stage
from tests.integration.worker_process import Stage, WorkerProcess
from tests.unit.agents.outcomes.joins import DAY, START, Totals, arrived, recount, scored

__all__ = [
    "PARTITIONS",
    "Play",
    "begin_outcomes",
    "country_of",
    "outcome_stage",
    "reported",
    "until_reported",
]

PARTITIONS = 2
CODEC = RecordCodec("lead_scored")
WORDS = ("won", "lost", "engaged")
DAYS = 40
WEEKS_AGO = 11
"""When a play begins: its last outcome has arrived, and no topic has removed its first record."""
WORKER_SETTINGS = {
    "LEADSCORE_ROLE": "outcomes",
    "LEADSCORE_OUTCOME_HORIZON_DAYS": "10",
    "LEADSCORE_OUTCOME_LATE_DAYS": "2",
    "LEADSCORE_OUTCOME_REPORT_SECONDS": "0.5",
}


def outcome_stage(bootstrap: str, prefix: str, folder: Path) -> Stage:
    """Return a stage whose workers join outcomes."""
    stage = sink_stage(bootstrap, prefix, folder)
    stage.environment |= WORKER_SETTINGS
    return stage


def begin_outcomes(stage: Stage, store: Path) -> WorkerProcess:
    """Start a worker without waiting for it."""
    return stage.begin(LEADSCORE_OUTCOME_STORE=str(store))


class Play:
    """Scores and outcomes of a partition, in the order of time."""

    def __init__(self, partition: int, leads: int, seed: int = 0) -> None:
        draw = random.Random(seed + partition)
        shift = week_of(round(time.time() * 1000)) - START - WEEKS_AGO * 7 * DAY
        self.partition = partition
        self.scores: list[ScoredLead] = []
        outcomes: list[ArrivedOutcome] = []
        for number in range(leads):
            day = number * DAYS / leads
            lead = f"lead-{partition}-{draw.randrange(leads)}"
            score = scored(lead, day, number, draw.random())
            self.scores.append(score._replace(at=score.at + shift))
            if draw.random() < 0.6:
                given = arrived(
                    lead,
                    draw.choice(WORDS),
                    day + draw.uniform(-0.5, 11),
                    0,
                    after=draw.choice([0, 0.1, 13]),
                    money=draw.choice([None, 19_900_000]),
                )
                outcomes.append(_shifted(given, shift))
        outcomes.sort(key=lambda each: each.arrived)
        self.outcomes = [given._replace(offset=i) for i, given in enumerate(outcomes)]

    def expected(self) -> Totals:
        """Return what the logs say, counted in another way."""
        return recount(self.scores, self.outcomes)

    def expected_of(self, country: str) -> Totals:
        """Return what the logs say of the leads of a country; see ``country_of``."""
        return recount(
            [score for score in self.scores if country_of(score) == country],
            self.outcomes,
            watermark=max(score.at for score in self.scores),
        )

    def score_records(self, *, behind_ms: int = 0, **fields: str) -> list[Record]:
        """Return the scored events as workers write them, or a shadow that is behind.

        Parameters
        ----------
        behind_ms
            Milliseconds from a lead to its score.
        **fields
            Replace fields of the events.
        """
        return [
            Record(
                CODEC.encode(
                    scored_event(
                        score.lead_id.decode(),
                        offset=score.offset,
                        partition=self.partition,
                        scored_at=score.at + behind_ms,
                        latency_ms=behind_ms,
                        score=score.score,
                        category=score.band,
                        **fields,
                    )
                ),
                key=score.lead_id,
                partition=self.partition,
                headers=[("leadscore.segment.country", country_of(score).encode())],
            )
            for score in self.scores
        ]

    def outcome_records(self) -> list[Record]:
        """Return the outcomes as a CRM writes them."""
        return [
            Record(
                encode_outcome(
                    {
                        "lead_id": given.outcome.lead_id,
                        "outcome": given.outcome.outcome,
                        "occurred_at": given.outcome.occurred_at,
                        "value": None if given.outcome.money is None else "1990.00",
                        "currency": given.outcome.currency,
                    }
                ),
                key=given.outcome.lead_id.encode(),
                partition=self.partition,
                timestamp_ms=given.arrived,
            )
            for given in self.outcomes
        ]


def country_of(score: ScoredLead) -> str:
    """Return the segment of a lead, the same at each of its scores; empty: missing."""
    return ("NL", "DE", "")[zlib.crc32(score.lead_id) % 3]


def _shifted(given: ArrivedOutcome, shift: int) -> ArrivedOutcome:
    outcome = replace(given.outcome, occurred_at=given.outcome.occurred_at + shift)
    return given._replace(outcome=outcome, arrived=given.arrived + shift)


async def send(stage: Stage, scores: Iterable[Record], outcomes: Iterable[Record]) -> None:
    """Write scores and outcomes."""
    settings = stage.settings
    await produce(settings.kafka_bootstrap_servers, settings.leads_outcomes, outcomes)
    await produce(settings.kafka_bootstrap_servers, settings.leads_scored, scores)


async def reports(stage: Stage) -> list[QualityReport]:
    """Return the valid reports: the last one of each key."""
    latest: dict[bytes, QualityReport] = {}
    for record in await stage.records(stage.settings.leads_quality):
        if record.value is None:
            latest.pop(record.key, None)
            continue
        report = decode_quality_report(record.value)
        assert record.key == report.key
        latest[report.key] = report
    return [report for report in latest.values() if report.change is None]


async def reported(stage: Stage) -> Totals:
    """Return the sum of the reports on live scores."""
    found: Totals = Counter()
    for report in await reports(stage):
        if report.topic != stage.settings.leads_scored or report.segment is not None:
            continue
        for kind in ("positives", "negatives", "unknown"):
            found[0, report.week, kind] += getattr(report.counts, kind)
    return +found


async def until_reported(stage: Stage, plays: Sequence[Play], within: float = 120.0) -> None:
    """Wait until the reports are what the logs say."""
    expected = sum((play.expected() for play in plays), Counter())
    last: list[Totals] = []

    async def is_reported() -> bool:
        if not any(worker.is_running for worker in stage.workers):
            stage.workers[-1].check()
        last.append(await reported(stage))
        return last[-1] == expected

    try:
        await until(is_reported, within=within, what="reports that are the recount of the logs")
    except BaseException:
        print("expected", sorted(expected.items()), "reported", sorted(last[-1].items()))
        raise
