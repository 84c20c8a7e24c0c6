"""The explanation of a lead's newest score, and the history of its scores."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise

from agents.records import SourceRecord as Record
from agents.score_changes import Cause, Part, Score, ScoredLead, log_odds, parts_of_change
from stream.explanation.emission import Emission, SourceRead
from stream.explanation.lead_records import LeadRecords
from stream.explanation.models import Models
from stream.explanation.outcome import NoScore, NoScoreError
from stream.explanation.recomputation import OpenModel, Recomputed
from stream.explanation.subject import LeadId, RecordPlace, Subject, looks_like_a_place
from stream.settings import Settings

__all__ = ["Change", "ExplainedScore", "explain_score", "history_of", "parts_between"]

NO_PLACE = " in one of the topics of leads, of scored events or of dead letters (this is an id)"
LONGER = "give a longer range with --last or --from"


@dataclass(frozen=True, slots=True)
class ExplainedScore:
    """A scored event, and the same computed again.

    Attributes
    ----------
    emission
        The event.
    source
        The lead's record, if it is still there.
    model
        What scored; None without the record.
    recomputed
        The score of the record now; None without the record.
    """

    emission: Emission
    source: SourceRead
    model: OpenModel | None = None
    recomputed: Recomputed | None = None

    @property
    def score(self) -> float:
        """The emitted score."""
        return float(self.emission.event["score"])

    @property
    def is_reproduced(self) -> bool:
        """Whether the score was computed again, with the same bits."""
        return self.recomputed is not None and self.recomputed.is_reproduced


@dataclass(frozen=True, slots=True)
class Change:
    """The difference of two scores of a lead, in parts.

    Attributes
    ----------
    before, after
        The scores.
    parts
        Parts of the difference in log odds; they add up to it exactly.
    """

    before: ExplainedScore
    after: ExplainedScore
    parts: Sequence[Part]

    @property
    def log_odds(self) -> float:
        """The difference of the emitted scores, in log odds."""
        return log_odds(self.after.score) - log_odds(self.before.score)


async def explain_score(
    settings: Settings, records: LeadRecords, subject: Subject
) -> ExplainedScore:
    """Find the newest score of a lead, and compute it again.

    Parameters
    ----------
    settings
        The topics, the registry, and the rules of scoring.
    records
        Finds the lead's records; it is open.
    subject
        The lead, or the place of its record or event.

    Raises
    ------
    NoScoreError
        The lead has no score in the range.
    ModelNotFoundError, BundleError
        The registry lacks the model that scored, or it must not be used.
    FatalError
        Kafka stopped answering.
    """
    source = None
    if isinstance(subject, RecordPlace):
        emission, source = await _at_place(settings, records, subject)
    else:
        emission = await _newest(records, subject)
    if emission is None:
        raise await _reason(settings, records, subject, source)
    return await _explained(records, emission, Models(settings))


async def history_of(
    settings: Settings, records: LeadRecords, subject: Subject
) -> tuple[list[ExplainedScore], list[Change]]:
    """Return all scores of a lead in the range, the oldest first, and the changes between them.

    An event that was delivered again is one score.

    Raises
    ------
    NoScoreError, ModelNotFoundError, BundleError, FatalError
        As ``explain_score``.
    """
    lead = subject
    if isinstance(subject, RecordPlace):
        newest, source = await _at_place(settings, records, subject)
        if newest is None:
            raise await _reason(settings, records, subject, source)
        lead = newest.lead
    emissions: dict[tuple[str, float], Emission] = {}
    async with aclosing(records.emissions(lead)) as found:
        async for emission in found:
            # Newest first, so the first delivery stays. A repeat with another score is a fault.
            emissions[emission.event["event_id"], emission.event["score"]] = emission
    if not emissions:
        raise await _reason(settings, records, lead, None)
    models = Models(settings)
    ordered = sorted(emissions.values(), key=lambda each: (each.scored_at, each.at.place))
    scores = [await _explained(records, emission, models) for emission in ordered]
    changes = [
        Change(before, after, parts_between(before, after)) for before, after in pairwise(scores)
    ]
    return scores, changes


def parts_between(before: ExplainedScore, after: ExplainedScore) -> Sequence[Part]:
    """Return the parts of the difference of two scores, in log odds."""
    model, first, second = before.model, before.recomputed, after.recomputed
    is_same_model = before.emission.event["model_sha256"] == after.emission.event[
        "model_sha256"
    ] and _reference(before.emission.event["engine"]) == _reference(after.emission.event["engine"])
    difference = log_odds(after.score) - log_odds(before.score)
    event = None if first is None else first.event
    later = None if second is None else second.event
    if (
        model is None
        or event is None
        or later is None
        or first is None
        or second is None
        or first.columns is None
        or second.columns is None
        or after.source.record is None
    ):
        return _without_records(before, after, difference, is_same_model=is_same_model)
    return parts_of_change(
        ScoredLead(before.score, event["score"], first.columns),
        ScoredLead(after.score, later["score"], second.columns),
        model.spec,
        model.read(after.source.record),
        lambda columns: model.score(columns, model.ages_at),
        is_same_model=is_same_model,
        aged=_aged(model, after.model),
    )


def _aged(earlier: OpenModel, later: OpenModel | None) -> Score | None:
    """Return the earlier model with the ages of the later score; None if they are the same."""
    if later is None or later.ages_at == earlier.ages_at:
        return None
    ages_at = later.ages_at
    return lambda columns: earlier.score(columns, ages_at)


def _reference(engine: str) -> str:
    """Return the engine whose bits an engine gives."""
    return "onnx" if engine == "compiled" else engine


def _without_records(
    before: ExplainedScore, after: ExplainedScore, difference: float, *, is_same_model: bool
) -> Sequence[Part]:
    """Attribute a difference without computing: a record that two models scored is one lead."""
    is_same_lead = before.emission.source == after.emission.source
    if is_same_lead and not is_same_model:
        return (Part(Cause.MODEL, difference),)
    return (Part(Cause.UNKNOWN, difference),)


async def _explained(records: LeadRecords, emission: Emission, models: Models) -> ExplainedScore:
    source = await records.source(emission.source)
    if source.record is None:
        return ExplainedScore(emission, source)
    model = models.of(emission.event, await records.ages_at(emission))
    return ExplainedScore(emission, source, model, model.recompute(source.record, emission))


async def _newest(records: LeadRecords, subject: Subject) -> Emission | None:
    async with aclosing(records.emissions(subject)) as found:
        async for emission in found:
            return emission
    return None


async def _at_place(
    settings: Settings, records: LeadRecords, at: RecordPlace
) -> tuple[Emission | None, SourceRead | None]:
    if at.topic == settings.leads_created_dlq:
        return None, None
    if at.topic != settings.leads_created:
        return await records.emission_at(at), None
    source = await records.source(at)
    record: Record | None = source.record
    async with aclosing(records.emissions(at, record)) as found:
        async for emission in found:
            return emission, source
    return None, source


async def _reason(
    settings: Settings, records: LeadRecords, subject: Subject, source: SourceRead | None
) -> NoScoreError:
    """Find out why a lead has no scored event."""
    topics = (settings.leads_created, settings.leads_created_dlq)
    if isinstance(subject, RecordPlace) and subject.topic not in topics:
        why = (await records.source(subject)).why or "there is none"
        return NoScoreError(
            NoScore.NOT_FOUND,
            f"expected a scored event at {subject}, but {why}: give the lead's id, or the place of"
            f" its record in {settings.leads_created}",
        )
    letter = await records.dead_letter(subject)
    if letter is not None:
        return NoScoreError(
            NoScore.DEAD_LETTER,
            f"{subject} has no score: it became a dead letter ({letter.code}); look at it with"
            f" `leadscore dlq show {letter.place}`",
        )
    if isinstance(subject, LeadId):
        newest = await records.newest_record(subject)
        if newest is not None:
            return _unscored(f"{subject} is in {newest} and")
        return NoScoreError(
            NoScore.NOT_FOUND,
            f"{subject}: there is no scored event, no dead letter and no lead with this key in the"
            f" range: {LONGER}, or give the record's place as topic/partition/offset"
            f"{NO_PLACE if looks_like_a_place(subject.text) else ''}",
        )
    if source is not None and source.is_expired:
        return NoScoreError(
            NoScore.EXPIRED,
            f"{subject} was removed by retention, and it has no scored event in the range: {LONGER}"
            " to find what was emitted",
        )
    if source is not None and source.record is not None:
        return _unscored(f"{subject}")
    if source is None:
        source = await records.source(subject)
    why = source.why or "there is none"
    return NoScoreError(
        NoScore.NOT_FOUND, f"expected a record at {subject}, but {why}: check the place"
    )


def _unscored(what: str) -> NoScoreError:
    return NoScoreError(
        NoScore.UNSCORED,
        f"{what} has no scored event in the range: `leadscore lag` shows whether the workers have"
        f" read it; else {LONGER}",
    )
