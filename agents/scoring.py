"""Score a batch of leads: bytes in, bytes and verdicts out.

Four steps, so that the caller can time each and run the model in a thread: ``decode``,
``features``, ``predict``, ``outputs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from agents.dead_letters import VALUE_BYTES, DeadLetter
from agents.drift import CountedLeads, Counting
from agents.lead_grades import LeadGrades
from agents.lead_segments import LeadSegments
from agents.outputs import PassedOn, event_records
from agents.read_batch import ReadBatch
from agents.records import Output, RecordColumns, SourceRecord
from agents.rules import Rules, is_too_large
from agents.scored_batch import ScoredBatch
from features.matrix import FeatureEncoder, Features
from features.reason_labels import ReasonLabels
from model.serving.prediction import Prediction, Predictor
from schemas.decode import LeadDecoder
from schemas.errors import ErrorCode, InvalidEventError
from schemas.formats.event_format import EventFormat
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
from schemas.registered import framed
from schemas.scored_event import ScoredModel, ScoredRows, scored_event
from schemas.wire import FORMATS, WireFormat

__all__ = ["Scorer"]

NO_MARK: Headers = []

TooLarge = Callable[[Sequence[Output]], Sequence[int]]
"""Returns the positions of the records that are too large for the scored topic."""


class Scorer:
    """Computes the scored events and dead letters of records with one model.

    Parameters
    ----------
    model
        The values that all its events share; its ``topic`` is the topic of the records.
    decoder, encoder, predictor
        Bytes to columns, columns to matrix, matrix to scores.
    labels
        The texts of its reasons.
    rules
        What happens to leads with low coverage, and to dead letters that are sent again.
    wire
        The wire format of scored events.
    formats
        The wire formats; default: those that need no schema registry.
    is_framed_by_headers
        Whether a header of a record may hold the id of its value's schema.
    counting
        How its leads are counted for drift; None: they are not.
    times
        The times that its leads may have; None: any.
    reading
        What decides how its decoder reads a lead: scorers of the same rules and the same reading
        decode alike. None: it is like no other.
    ages_at
        Time at which dates have their age, milliseconds since 1970; None: at the creation of each
        lead.
    segments
        Finds the segments of its leads, for headers of scored events; None: there are none.
    grades
        Grades its leads, likewise.
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
        formats: Mapping[WireFormat, EventFormat] = FORMATS,
        is_framed_by_headers: bool = False,
        counting: Counting | None = None,
        times: PlausibleTimes | None = None,
        reading: object = None,
        ages_at: int | None = None,
        segments: LeadSegments | None = None,
        grades: LeadGrades | None = None,
    ) -> None:
        self.topic = model.topic
        self.counting = counting
        self._reading = reading
        self._segments = segments
        self._grades = grades
        self._decoder = decoder
        self._encoder = encoder
        self._predictor = predictor
        self._labels = labels
        self._rules = rules
        self._times = times
        self._is_framed_by_headers = is_framed_by_headers
        self._writer = formats[wire].scored_writer(scored_event(), model)
        self._replay_id = model.replay_id
        self._headers = ScoredHeaders(model.topic, wire, model.replay_id)
        self._ages_at = ages_at
        self._ids = EventIds(model.topic, model.identity.sha256, ages_at)

    @property
    def headers(self) -> int:
        """Number of headers of a scored event whose lead brings no trace."""
        segments = len(self._segments.fields if self._segments else ())
        return self._headers.count + segments + (self._grades is not None)

    def decodes_like(self, other: Scorer) -> bool:
        """Return whether another scorer reads the same from every record."""
        return self._reading is not None and self._reading == other._reading

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
        columns = RecordColumns.of(records)
        values = self._values(records) if self._is_framed_by_headers else columns.values
        headers: list[LeadHeaders] = []
        if columns.has_headers:
            headers = [read_headers(record.headers) for record in records]
            verdicts = {**(verdicts or {}), **self._rules.processed_too_often(headers)}
        for position in verdicts or ():
            values[position] = None  # what is empty is no lead
        leads = self._decoder.decode(values)
        if verdicts:
            errors = [(position, verdicts.get(position, error)) for position, error in leads.errors]
            leads = replace(leads, errors=errors)
        batch = ReadBatch.from_leads(records, leads, headers, columns)
        if self._times is None:
            return batch
        wrong = self._times.verdicts(leads.columns, batch.timestamps, leads.created_at)
        if not wrong:
            return batch
        return ReadBatch.from_leads(records, leads.without(wrong), headers, columns)

    def _values(self, records: Sequence[SourceRecord]) -> list[bytes | None]:
        if self._is_framed_by_headers:
            return [framed(record.value, record.headers) for record in records]
        return [record.value for record in records]

    def features(self, batch: ReadBatch) -> Features:
        """Compute the model's matrix, reference bins and coverage from the leads' columns."""
        leads = batch.leads
        return self._encoder.encode(leads.columns, len(batch.offsets), ages_at=self._ages_at)

    def counted_bins(self, features: Features) -> NDArray[np.int16]:
        """Return the codes of what drift counts; see ``FeatureEncoder``."""
        return self._encoder.counted_bins(features)

    def predict(self, features: Features) -> Prediction:
        """Score the matrix. Safe in a thread."""
        return self._predictor.predict(features.matrix)

    def to_count(self, batch: ReadBatch, _: Features) -> ReadBatch:
        """Return the part of a batch whose leads ``counted`` returns: all of it."""
        return batch

    def counted(self, batch: ReadBatch, features: Features, prediction: Prediction) -> CountedLeads:
        """Return the leads to count for drift: all that could be decoded, scored or refused."""
        further = None if self.counting is None else self.counting.further
        return CountedLeads.from_records(
            batch.offsets,
            batch.leads.created_at,
            batch.timestamps,
            features.bins,
            prediction.probability,
            None if further is None else further.values(features.matrix),
        )

    def counted_again(self, records: Sequence[SourceRecord]) -> CountedLeads:
        """Return the leads to count of records that were scored before."""
        batch = self.decode(records)
        features = self.features(batch)
        return self.counted(batch, features, self.predict(features))

    def outputs(
        self,
        batch: ReadBatch,
        features: Features,
        prediction: Prediction,
        *,
        scored_at: int,
        too_large: TooLarge,
        mark: Headers = NO_MARK,
    ) -> ScoredBatch:
        """Write the scored events and the dead letters of a batch.

        Parameters
        ----------
        batch, features, prediction
            The records, and the results of the earlier steps.
        scored_at
            Milliseconds since 1970.
        too_large
            Returns the positions of the records that the scored topic does not take; they become
            dead letters.
        mark
            Further headers of the scored events.
        """
        leads = batch.leads
        low_coverage = self._rules.is_little_known(features)
        headers = leads.of(batch.headers) if batch.headers else None
        rows = self._rows(batch, headers, features, prediction, low_coverage, scored_at)
        outputs = self._events(rows, self._passed_on(batch, headers), mark)
        refused = dict.fromkeys(too_large(outputs), is_too_large())
        refused |= self._rules.too_little_known(features, low_coverage)
        dropped = self._dropped(batch)
        errors = {**dict(leads.errors), **{leads.positions[row]: refused[row] for row in refused}}
        letters = [
            self.dead_letter(batch.records[position], position, error)
            for position, error in sorted(errors.items())
            if position not in dropped
        ]
        scored = ScoredBatch(
            scored=outputs,
            positions=leads.positions,
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

    def _rows(
        self,
        batch: ReadBatch,
        headers: Sequence[LeadHeaders] | None,
        features: Features,
        prediction: Prediction,
        low_coverage: NDArray[np.bool_],
        scored_at: int,
    ) -> ScoredRows:
        """Return the values of the scored events, one row a lead."""
        leads = batch.leads
        event_ids = self._ids.of(batch.partitions, batch.offsets)
        request_ids = [
            own or event_id for own, event_id in zip(leads.request_ids, event_ids, strict=True)
        ]
        if headers is not None:
            request_ids = [
                given.request_id or own for given, own in zip(headers, request_ids, strict=True)
            ]
        return ScoredRows(
            event_ids=event_ids,
            lead_ids=leads.lead_ids,
            request_ids=request_ids,
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

    def _events(self, rows: ScoredRows, passed_on: PassedOn | None, mark: Headers) -> list[Output]:
        """Return the records of the scored topic, one a row."""
        return event_records(
            rows,
            self._writer.write(rows),
            [*self._headers.of_batch(rows.scored_at), *mark],
            passed_on,
        )

    def _passed_on(
        self, batch: ReadBatch, headers: Sequence[LeadHeaders] | None
    ) -> PassedOn | None:
        """Return the headers of each lead's event of its own: trace, segments and grade."""
        traces: PassedOn | None = None if headers is None else [h.passed_on for h in headers]
        if self._segments is None and self._grades is None:
            return traces
        records = [batch.records[position] for position in batch.leads.positions]
        values = self._values(records)
        found: list[Sequence[Sequence[tuple[str, bytes | None]]]] = [traces] if traces else []
        if self._segments is not None:
            found.append(self._segments.headers_of(values))
        if self._grades is not None:
            found.append(self._grades.headers_of(values, [each.timestamp for each in records]))
        return [[*chain.from_iterable(own)] for own in zip(*found, strict=True)]

    @staticmethod
    def _dropped(batch: ReadBatch) -> list[int]:
        """Return the positions of copies of a record's last dead letter: they get no output.

        That dead letter was sent already; another one would be copied back in the same way.
        """
        return [
            position
            for position, error in batch.leads.errors
            if error.code is ErrorCode.ATTEMPTS and batch.headers[position].is_last
        ]

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
            schema=self._decoder.schema_of(*self._values([record])),
            replay_id=self._replay_id,
        )
        value = record.value
        if isinstance(value, LeftOutValue):
            headers, value = [*headers, (VALUE_BYTES, b"%d" % len(value))], None
        return DeadLetter(position, error.code, (record.key, value, headers))
