"""Score a batch of leads: bytes in, bytes and verdicts out.

Four steps, so that the caller can time them, and run the model in a thread: ``decode``,
``features``, ``predict``, ``outputs``. No Kafka, no clock, no environment in here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.dead_letters import VALUE_BYTES
from agents.drift import CountedLeads, Counting
from features.matrix import FeatureEncoder, Features
from features.reason_labels import ReasonLabels
from model.serving.prediction import Prediction, Predictor
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import (
    EventIds,
    Headers,
    LeadHeaders,
    ScoredHeaders,
    dead_letter_headers,
    read_headers,
)
from schemas.left_out import LeftOutValue
from schemas.plausible_times import PlausibleTimes
from schemas.record_time import are_plausible
from schemas.scored_event import ScoredModel, ScoredRows, scored_event
from schemas.wire import FORMATS, WireFormat

__all__ = ["DeadLetter", "Output", "ReadBatch", "Rules", "ScoredBatch", "Scorer", "SourceRecord"]

Output = tuple[bytes | None, bytes | None, Headers]
"""Key, value and headers of a record to send."""

NO_HEADERS = [LeadHeaders()]

TooLarge = Callable[[Sequence[Output]], Sequence[int]]
"""Returns the positions of the records that are too large for the scored topic."""


class SourceRecord(Protocol):
    """The fields of a Kafka record that scoring reads (``aiokafka.ConsumerRecord`` has them)."""

    @property
    def partition(self) -> int:
        """Number of its partition."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970."""

    @property
    def key(self) -> bytes | None:
        """Its key, untouched."""

    @property
    def value(self) -> bytes | None:
        """Its value, untouched."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Its headers in their order; a name may be there more than once."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for leads with low coverage, and for dead letters that are sent again.

    Parameters
    ----------
    min_coverage
        Lowest coverage, 0 to 1, by number and by importance of the fields: the share of the fields
        that a typical training lead has.
    low_coverage
        "flag": a lead below is scored and its event says so; "refuse": it becomes a dead letter.
    max_attempts
        After this many attempts a record becomes a dead letter with the code ATTEMPTS.
    """

    min_coverage: float = 0.6
    low_coverage: Literal["flag", "refuse"] = "flag"
    max_attempts: int = 10

    def is_little_known(self, features: Features) -> NDArray[np.bool_]:
        """Return which leads have low coverage: bool, shape (n,)."""
        # As float32, the type of the shares: 0.6 of five fields is not below 0.6.
        least = np.float32(self.min_coverage)
        return (features.coverage < least) | (features.known < least)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that can't be scored.

    Attributes
    ----------
    position
        Its index in the batch.
    code
        Why.
    output
        The record for the dead-letter topic.
    """

    position: int
    code: ErrorCode
    output: Output


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Records of one or several partitions, and the leads decoded from them.

    Attributes
    ----------
    records
        In the order of each partition.
    leads
        The n records that could be decoded, and the verdicts on the others.
    partitions
        The partition of each lead.
    offsets, timestamps
        int64, shape (n,): of each lead's record; time stamps in milliseconds since 1970.
    headers
        The decoded headers of each record; empty if no record has any.
    """

    records: Sequence[SourceRecord]
    leads: DecodedLeads
    partitions: list[int]
    offsets: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    headers: Sequence[LeadHeaders]

    @classmethod
    def from_leads(
        cls,
        records: Sequence[SourceRecord],
        leads: DecodedLeads,
        headers: Sequence[LeadHeaders],
    ) -> ReadBatch:
        """Join decoded leads with the partitions, offsets and time stamps of their records."""
        read = leads.of(records)
        return cls(
            headers=headers,
            records=records,
            leads=leads,
            partitions=[record.partition for record in read],
            offsets=np.array([record.offset for record in read], dtype=np.int64),
            timestamps=np.array([record.timestamp for record in read], dtype=np.int64),
        )

    def rows(self, sizes: Sequence[int]) -> list[slice]:
        """Return one slice of leads per batch, given the batches' numbers of records."""
        return _runs(self.leads.positions, sizes)


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """The outcome of a batch: each of its records is in one of three lists.

    Attributes
    ----------
    scored
        The scored events, in the order of the source.
    positions
        For each of them, its record's index in the batch.
    dead_letters
        The records that can't be scored, in the order of the source.
    dropped
        The index in the batch of records without any output, ascending: copies of the last dead
        letter of a record.
    scores, coverage
        float32, shape (n,): of ``scored``.
    low_coverage
        bool, shape (n,): whether their coverage is too low.
    timestamps
        int64, shape (n,): of their records, milliseconds since 1970.
    """

    scored: list[Output]
    positions: list[int]
    dead_letters: list[DeadLetter]
    dropped: list[int]
    scores: NDArray[np.float32]
    coverage: NDArray[np.float32]
    low_coverage: NDArray[np.bool_]
    timestamps: NDArray[np.int64]

    @property
    def codes(self) -> Counter[ErrorCode]:
        """How many dead letters there are of each code."""
        return Counter(letter.code for letter in self.dead_letters)

    def split(self, sizes: Sequence[int]) -> list[ScoredBatch]:
        """Split the outcome into consecutive batches, given their numbers of records."""
        if len(sizes) == 1:
            return [self]
        dead = [letter.position for letter in self.dead_letters]
        return [
            ScoredBatch(
                scored=self.scored[rows],
                positions=[position - first for position in self.positions[rows]],
                dead_letters=[
                    replace(letter, position=letter.position - first)
                    for letter in self.dead_letters[letters]
                ],
                dropped=[position - first for position in self.dropped[dropped]],
                scores=self.scores[rows],
                coverage=self.coverage[rows],
                low_coverage=self.low_coverage[rows],
                timestamps=self.timestamps[rows],
            )
            for first, rows, letters, dropped in zip(
                accumulate(sizes, initial=0),
                _runs(self.positions, sizes),
                _runs(dead, sizes),
                _runs(self.dropped, sizes),
                strict=False,
            )
        ]

    def without(self, rows: Collection[int], letters: Sequence[DeadLetter]) -> ScoredBatch:
        """Return the outcome with dead letters in place of some scored events."""
        kept = [row for row in range(len(self.positions)) if row not in rows]
        return ScoredBatch(
            scored=[self.scored[row] for row in kept],
            positions=[self.positions[row] for row in kept],
            dead_letters=[*self.dead_letters, *letters],
            dropped=self.dropped,
            scores=self.scores[kept],
            coverage=self.coverage[kept],
            low_coverage=self.low_coverage[kept],
            timestamps=self.timestamps[kept],
        )


class Scorer:
    """One model's way from records to scored events.

    Parameters
    ----------
    model
        What all its events share; its ``topic`` is where the records come from.
    decoder, encoder, predictor
        Bytes to columns, columns to matrix, matrix to scores.
    labels
        What its reasons say; their texts are the model's.
    rules
        What happens to a lead of which little is known, and to a record that comes back.
    wire
        How scored events are written.
    counting
        How its leads are counted for drift; None: they are not.
    times
        Which times its leads may have; None: any.
    """

    def __init__(
        self,
        model: ScoredModel,
        *,
        decoder: LeadDecoder,
        encoder: FeatureEncoder,
        predictor: Predictor,
        labels: ReasonLabels,
        rules: Rules,
        wire: WireFormat,
        counting: Counting | None = None,
        times: PlausibleTimes | None = None,
    ) -> None:
        self.topic = model.topic
        self.counting = counting
        self._decoder = decoder
        self._encoder = encoder
        self._predictor = predictor
        self._labels = labels
        self._rules = rules
        self._times = times
        self._writer = FORMATS[wire].scored_writer(scored_event(), model)
        self._headers = ScoredHeaders(model.topic, wire)
        self._ids = EventIds(model.topic, model.identity.sha256)

    def decode(
        self,
        records: Sequence[SourceRecord],
        verdicts: Mapping[int, InvalidEventError] | None = None,
    ) -> ReadBatch:
        """Read the leads of a batch; what can't be read is in the ``errors`` of its ``leads``.

        Parameters
        ----------
        records
            In the order of each partition.
        verdicts
            By position: why a record is no lead, whatever its value.
        """
        values = [record.value for record in records]
        headers: list[LeadHeaders] = []
        if any(record.headers for record in records):
            headers = [read_headers(record.headers) for record in records]
            verdicts = {**(verdicts or {}), **self._processed_too_often(headers)}
        for position in verdicts or ():
            values[position] = None  # what is empty is no lead
        leads = self._decoder.decode(values)
        if verdicts:
            errors = [(position, verdicts.get(position, error)) for position, error in leads.errors]
            leads = replace(leads, errors=errors)
        batch = ReadBatch.from_leads(records, leads, headers)
        if self._times is None:
            return batch
        wrong = self._times.verdicts(leads.columns, batch.timestamps, leads.created_at)
        return ReadBatch.from_leads(records, leads.without(wrong), headers) if wrong else batch

    def _processed_too_often(
        self, headers: Sequence[LeadHeaders]
    ) -> Mapping[int, InvalidEventError]:
        """Return the verdict on each record that has been processed as often as may be."""
        most = self._rules.max_attempts
        return {
            position: InvalidEventError(
                ErrorCode.ATTEMPTS,
                f"expected a record to be processed at most {most} times, this one was"
                f" {found.attempts} times: end what copies scored events or dead letters to"
                " the leads' topic; to send the lead again, remove its headers that begin with"
                " leadscore.",
            )
            for position, found in enumerate(headers)
            if found.attempts >= most
        }

    def features(self, batch: ReadBatch) -> Features:
        """Compute the model's matrix, reference bins and coverage from the leads' columns."""
        return self._encoder.encode(batch.leads.columns, len(batch.offsets))

    def counted_bins(self, features: Features) -> NDArray[np.int16]:
        """Return the codes of what drift counts; see ``FeatureEncoder``."""
        return self._encoder.counted_bins(features)

    def predict(self, features: Features) -> Prediction:
        """Score the matrix. Safe in a thread."""
        return self._predictor.predict(features.matrix)

    def counted(self, batch: ReadBatch, features: Features, prediction: Prediction) -> CountedLeads:
        """Return the leads to count for drift: all that could be decoded, scored or refused."""
        return CountedLeads.from_records(
            batch.offsets,
            batch.leads.created_at,
            batch.timestamps,
            self.counted_bins(features),
            prediction.probability,
        )

    def outputs(
        self,
        batch: ReadBatch,
        features: Features,
        prediction: Prediction,
        *,
        scored_at: int,
        too_large: TooLarge,
    ) -> ScoredBatch:
        """Write the scored events and the dead letters of a batch.

        Parameters
        ----------
        batch, features, prediction
            What the earlier steps made of it.
        scored_at
            Milliseconds since 1970.
        too_large
            Tells which records the scored topic does not take; they become dead letters.
        """
        leads, positions = batch.leads, batch.leads.positions
        low_coverage = self._rules.is_little_known(features)
        event_ids = self._ids.of(batch.partitions, batch.offsets.tolist())
        headers = leads.of(batch.headers or NO_HEADERS * len(batch.records))
        rows = ScoredRows(
            event_ids=event_ids,
            lead_ids=leads.lead_ids,
            request_ids=[
                given.request_id or own or event_id
                for given, own, event_id in zip(headers, leads.request_ids, event_ids, strict=True)
            ],
            created_at=leads.created_at,
            timestamps=np.where(
                are_plausible(batch.timestamps, scored_at), batch.timestamps, np.int64(scored_at)
            ),
            partitions=batch.partitions,
            offsets=batch.offsets,
            scored_at=scored_at,
            probability=prediction.probability,
            coverage=features.coverage,
            low_coverage=low_coverage,
            reason_code=self._labels.codes(
                prediction.reason_field, prediction.reason_value, prediction.aspects, features
            ),
            reason_value=prediction.reason_value,
        )
        shared = self._headers.of_batch(scored_at)
        outputs: list[Output] = [
            (lead_id, value, [*shared, ("ce_id", event_id), ("x-request-id", request), *passed_on])
            for lead_id, value, event_id, request, passed_on in zip(
                rows.lead_ids,
                self._writer.write(rows),
                event_ids,
                rows.request_ids,
                [given.passed_on for given in headers],
                strict=True,
            )
        ]
        refused = dict.fromkeys(too_large(outputs), is_too_large())
        if self._rules.low_coverage == "refuse":
            refused |= self._little_known(features, low_coverage)
        errors = {**dict(leads.errors), **{positions[row]: refused[row] for row in refused}}
        # Their dead letter is in its topic, or was: one more would come back as they did.
        dropped = [
            position
            for position, error in leads.errors
            if error.code is ErrorCode.ATTEMPTS and batch.headers[position].is_last
        ]
        letters = [
            self.dead_letter(batch.records[position], position, error)
            for position, error in sorted(errors.items())
            if position not in dropped
        ]
        scored = ScoredBatch(
            scored=outputs,
            positions=positions,
            dead_letters=[],
            dropped=dropped,
            scores=prediction.probability,
            coverage=features.coverage,
            low_coverage=low_coverage,
            timestamps=batch.timestamps,
        )
        if refused:
            return scored.without(refused, letters)
        return replace(scored, dead_letters=letters)

    def dead_letter(
        self, record: SourceRecord, position: int, error: InvalidEventError
    ) -> DeadLetter:
        """Return a dead letter: the record's bytes as they are, the reasons in its headers.

        A value that was too large to be read is left out; a header says how many bytes it has.
        """
        headers = dead_letter_headers(
            record.headers,
            topic=self.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            error=error,
            schema=self._decoder.schema_of(record.value),
        )
        value = record.value
        if isinstance(value, LeftOutValue):
            headers, value = [*headers, (VALUE_BYTES, b"%d" % len(value))], None
        return DeadLetter(position, error.code, (record.key, value, headers))

    def _little_known(
        self, features: Features, low_coverage: NDArray[np.bool_]
    ) -> dict[int, InvalidEventError]:
        """Return the verdict on each lead of which too little is known, by its row."""
        return {
            row: InvalidEventError(
                ErrorCode.FEATURES,
                f"expected at least {self._rules.min_coverage:.0%} of what a typical training lead"
                " has of the model's fields, by number and by importance, got"
                f" {features.coverage[row]:.0%} and {features.known[row]:.0%}: send more fields, or"
                " set LEADSCORE_LOW_COVERAGE=flag",
            )
            for row in np.flatnonzero(low_coverage).tolist()
        }


def _runs(positions: Sequence[int], sizes: Sequence[int]) -> list[slice]:
    """Split ascending positions in batches that follow each other, given their sizes."""
    ends = [bisect_left(positions, end) for end in accumulate(sizes)]
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def is_too_large() -> InvalidEventError:
    """Make the verdict on a lead whose scored event its topic does not take."""
    return InvalidEventError(
        ErrorCode.OUTPUT_TOO_LARGE,
        "the scored event is larger than its topic takes: shorten the lead's ids and headers, or"
        " raise the topic's max.message.bytes",
    )
