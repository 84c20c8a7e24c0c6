"""The comparison over the leads of a time range of the topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.comparison.report import Comparison
from schemas.errors import FatalError
from stream.comparison.assembly import ComparedLeads, assemble, whole_days
from stream.comparison.live_scores import LiveScores, by_source, read_live
from stream.comparison.models import score_records
from stream.comparison.request import Request, TopicOutcomes
from stream.comparison.score_values import EventReader, ScoredSide
from stream.comparison.segment_fields import field_of_records
from stream.comparison.topic_outcomes import join_outcomes, notes_on, read_outcomes
from stream.consume.partition_progress import Record
from stream.kafka.access import Use
from stream.settings import Settings
from stream.snapshot.record_sample import TimeRange, draw_records

__all__ = ["compare_topic"]

Progress = Callable[[str, int], None]


async def compare_topic(
    settings: Settings, request: Request, within: TimeRange, progress: Progress
) -> Comparison:
    """Compare the scores of the leads that came in a range.

    Parameters
    ----------
    settings
        Kafka's address, the topics, and the rules of scoring.
    request
        What to compare.
    within
        The range, in Kafka's time stamps.
    progress
        Called with a topic and the number of its records that were read so far.

    Raises
    ------
    StartupError
        Kafka can't be reached, or lacks a topic.
    FatalError
        Kafka stopped answering, or no lead of the range has both scores.
    InputError
        The leads lack a field, or the outcomes can't be read.
    """
    topic = settings.leads_created
    records, found = await draw_records(
        settings,
        within,
        request.sample,
        Random(request.seed),
        use=Use.DIFF,
        on_read=lambda count: progress(topic, count),
    )
    where = f"leads of {topic}, {_moment(within.start)} to {_moment(within.end)} UTC"
    if not records:
        raise FatalError(f"expected {where}, but there is none: give a longer range")
    after = score_records(request.after, settings, records)
    if request.before is not None:
        before = score_records(request.before, settings, records).side
    else:
        before = await _live(settings, records, within, progress)
    reader = EventReader()
    join, outcome_notes = await _joined(settings, request, records, after.side, within, progress)
    return assemble(
        request,
        ComparedLeads(
            where=where,
            found=found,
            sampled=len(records),
            days=whole_days(max(within.start, records[0].timestamp), within.end),
            place=lambda row: f"{topic}/{records[row].partition}/{records[row].offset}",
            lead_id=lambda row: str(reader.read(after.side.values[row])["lead_id"]),
            field=lambda name, rows: field_of_records(
                name, request.after, settings, [records[row] for row in rows.tolist()]
            ),
            outcomes=join,
            outcome_notes=outcome_notes,
        ),
        before,
        after,
    )


async def _joined(
    settings: Settings,
    request: Request,
    records: Sequence[Record],
    scored: ScoredSide,
    within: TimeRange,
    progress: Progress,
) -> tuple[Callable[[NDArray[np.int64]], Outcomes] | None, list[str]]:
    """Return what joins the topic's outcomes, and what limits them; None if nobody asks for it."""
    asked = request.outcomes
    if not isinstance(asked, TopicOutcomes):
        return None, []
    topic, reader = settings.leads_outcomes, EventReader()
    by_creation = settings.outcome_time == "created_at"

    def time(row: int) -> float:
        return reader.created_ms(scored.values[row]) if by_creation else records[row].timestamp

    def join(rows: NDArray[np.int64]) -> Outcomes:
        ids = [str(reader.read(scored.values[row])["lead_id"]) for row in rows.tolist()]
        times = np.array([time(row) for row in rows.tolist()], dtype=np.float64)
        return join_outcomes(settings, found, ids, times, asked.now_ms)

    # By creation, outcomes may have been loaded at any time.
    since = 0 if by_creation else within.start
    found = await read_outcomes(settings, since, lambda count: progress(topic, count))
    return join, notes_on(settings, found)


async def _live(
    settings: Settings, records: Sequence[Record], within: TimeRange, progress: Progress
) -> ScoredSide:
    sources = {
        (settings.leads_created, record.partition, record.offset): (row,)
        for row, record in enumerate(records)
    }
    live = LiveScores(sources, len(records), by_source)
    await read_live(settings, live, within, lambda count: progress(settings.leads_scored, count))
    return live.side


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
