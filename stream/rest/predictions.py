"""From leads of a request to answers: cache, micro-batches, grades, and the names of clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agents.lead_grades import LeadGrades, grade_in
from schemas.headers import EventIds
from stream.rest.lead_writer import LeadRecord, LeadWriter, Place
from stream.rest.leads import RestLead, lead_of
from stream.rest.micro_batches import MicroBatches
from stream.rest.prediction_cache import PredictionCache
from stream.rest.scoring import Answer, Refusal

__all__ = ["Predictions", "as_prediction"]

LONGEST_ID = 1000
"""Characters of a lead's id up to which its score may come from the cache."""


class Predictions:
    """Scores the leads of requests.

    Parameters
    ----------
    batches
        Scores what the cache does not have.
    cache
        Scores of the last minutes.
    model_sha256
        Returns the hash of the model in service; None if there is none.
    writer
        Writes leads that were scored to Kafka; None: they are not written.
    grades
        Grades leads as a worker does, for the field ``grade``; None: answers do not have it.
    """

    def __init__(
        self,
        batches: MicroBatches,
        cache: PredictionCache,
        model_sha256: Callable[[], str | None],
        writer: LeadWriter | None = None,
        grades: LeadGrades | None = None,
    ) -> None:
        self._batches = batches
        self._cache = cache
        self._model_sha256 = model_sha256
        self._writer = writer
        self._grades = grades

    async def of(
        self,
        leads: Sequence[Mapping[str, Any]],
        request_id: str,
        times: Sequence[int],
        *,
        are_new: bool = True,
    ) -> list[Answer]:
        """Return the answers to leads, in their order.

        Parameters
        ----------
        leads
            Objects with the fields of the contract.
        request_id
            The request's id.
        times
            The times of their records, milliseconds since 1970: the present time for a lead that
            comes with the request.
        are_new
            Whether they come with the request, not from the lead store: those came through Kafka
            before, and are not written again.

        Raises
        ------
        Problem
            They could not be written.
        """
        read = [lead_of(lead, request_id, at) for lead, at in zip(leads, times, strict=True)]
        sha256 = self._model_sha256() or ""
        answers: list[Answer | None] = [
            self._known(lead, fields, sha256, request_id)
            for lead, fields in zip(read, leads, strict=True)
        ]
        missing = [at for at, answer in enumerate(answers) if answer is None]
        if missing:
            found = await self._batches.score([read[at] for at in missing])
            for at, answer in zip(missing, found, strict=True):
                answers[at] = answer
                if not isinstance(answer, Refusal):
                    self._cache.keep(read[at], answer)
        full = [answer for answer in answers if answer is not None]
        if self._grades is not None:  # not from the cache: it depends on ids and on the time, too
            full = _graded(self._grades, read, full)
        return full if self._writer is None or not are_new else await self._written(read, full)

    async def _written(self, leads: Sequence[RestLead], answers: list[Answer]) -> list[Answer]:
        """Write the leads that have a score; return the answers with the places of the records."""
        assert self._writer is not None
        scored = [
            (at, answer) for at, answer in enumerate(answers) if not isinstance(answer, Refusal)
        ]
        if scored:
            places = await self._writer.write([_record(leads[at], event) for at, event in scored])
            for (at, event), place in zip(scored, places, strict=True):
                answers[at] = _placed(event, self._writer.topic, place)
        return answers

    def _known(
        self,
        lead: RestLead,
        fields: Mapping[str, Any],
        sha256: str,
        request_id: str,
    ) -> Answer | None:
        lead_id = fields.get("lead_id", request_id)
        if not isinstance(lead_id, str) or not 0 < len(lead_id) <= LONGEST_ID:
            return None  # the decoder has a verdict on it
        given: dict[str, Any] = {"lead_id": lead_id, "request_id": request_id}
        if "created_at" not in fields:
            given |= {"created_at": lead.timestamp}
        return self._cache.find(lead, sha256, given)


def _graded(
    grades: LeadGrades, leads: Sequence[RestLead], answers: Sequence[Answer]
) -> list[Answer]:
    """Return the answers with the grades that a worker would write into headers."""
    headers = grades.headers_of([lead.value for lead in leads], [lead.timestamp for lead in leads])
    return [
        answer if isinstance(answer, Refusal) else {**answer, "grade": grade_in(own)}
        for answer, own in zip(answers, headers, strict=True)
    ]


def _record(lead: RestLead, event: Mapping[str, Any]) -> LeadRecord:
    """Return the record of a lead; its id may have been filled in by the scorer."""
    return LeadRecord(event["lead_id"].encode(), lead.value, lead.headers, lead.timestamp)


def _placed(event: Mapping[str, Any], topic: str, place: Place) -> dict[str, Any]:
    """Return a scored event as the worker writes it that scores this record with this model."""
    source = {"topic": topic, "partition": place.partition, "offset": place.offset}
    [event_id] = EventIds(topic, event["model_sha256"]).of([place.partition], [place.offset])
    return {**event, "event_id": event_id.decode(), "source": source}


def as_prediction(event: Mapping[str, Any], latency_ms: float) -> dict[str, Any]:
    """Return a scored event with the names of the earlier scoring APIs.

    Parameters
    ----------
    event
        The scored event.
    latency_ms
        Milliseconds from the arrival of the request to its answer.
    """
    scored_at = datetime.fromtimestamp(event["scored_at"] / 1000, UTC)
    return {
        **event,
        "lead_score": event["score"],
        "score_category": event["category"],
        "prediction_timestamp": scored_at.isoformat(timespec="milliseconds"),
        "latency_ms": round(latency_ms, 3),
    }
