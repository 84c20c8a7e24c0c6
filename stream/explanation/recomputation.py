"""Scores that are computed again, by the model that the event names and the worker's own steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.offline import Explanation, OfflineScorer
from agents.records import SourceRecord as Record
from agents.scoring import Scorer
from features.lead_values import lead_value, typical_value
from features.matrix import Columns, FeatureEncoder
from features.reference_sample import read_sample
from model.bundle import Bundle
from model.serving.prediction import Predictor
from model.serving.shapley import shapley_values
from model.storage import open_folder
from schemas.errors import ErrorCode
from schemas.scored_event import scored_event
from stream.comparison.score_values import EventReader
from stream.explanation.emission import Emission

__all__ = ["OpenModel", "Recomputed", "RecordedField", "differing_fields"]

REFERENCE = "reference.parquet"


@dataclass(frozen=True, slots=True)
class RecordedField:
    """A field of a lead whose score was computed again.

    Attributes
    ----------
    name
        The field, as people name it.
    value
        The lead's; None: missing.
    typical
        What is typical of the training leads, in words.
    contribution
        Its part of the logit before calibration, along the paths of the trees, as reasons have it.
    shapley
        Its exact Shapley value, on the same scale; None: not computed.
    emitted
        The contribution that the event gives it as a reason; None: it is no reason of the event.
    """

    name: str
    value: str | float | None
    typical: str
    contribution: float
    shapley: float | None
    emitted: float | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A score that was computed again.

    Attributes
    ----------
    event
        What the worker would emit now; None: the lead would be a dead letter.
    refusal
        The error code of that dead letter.
    differing
        Names of those fields of the event that follow from the score and are not as emitted.
    columns
        The lead as the model reads it.
    explanation
        Base, contributions and calibration; None for a dead letter.
    shapley_base
        The base of the Shapley values; None: they were not computed.
    fields
        The lead's fields, the strongest first.
    """

    event: Mapping[str, Any] | None
    refusal: ErrorCode | None
    differing: Sequence[str]
    columns: Columns | None
    explanation: Explanation | None = None
    shapley_base: float | None = None
    fields: Sequence[RecordedField] = ()

    @property
    def is_reproduced(self) -> bool:
        """Whether the score is the emitted one, to the bit."""
        return self.event is not None and "score" not in self.differing


class OpenModel:
    """A model of the registry, open in the engine that scored.

    Parameters
    ----------
    bundle, predictor, scorer
        The model, its engine, and the worker's steps with it.
    ages_at
        Time at which dates have their age, milliseconds since 1970; None: at the creation of the
        lead.
    """

    def __init__(
        self, bundle: Bundle, predictor: Predictor, scorer: Scorer, ages_at: int | None = None
    ) -> None:
        self.bundle = bundle
        self.ages_at = ages_at
        self.engine = predictor.engine
        self.spec = bundle.metadata.spec
        self._predictor = predictor
        self._scorer = scorer
        self._offline = OfflineScorer(bundle, predictor)
        self._encoder = FeatureEncoder(self.spec, bundle.metadata.reference)
        self._reader = EventReader()

    def read(self, record: Record) -> Columns | None:
        """Return a lead as this model reads it; None where it can't."""
        read = self._scorer.decode([record])
        return read.leads.columns if read.leads.lead_ids else None

    def score(self, columns: Columns, ages_at: int | None = None) -> float:
        """Return the score of the one lead of the columns, with ages at a time or at creation."""
        matrix = self._encoder.encode(columns, 1, ages_at=ages_at).matrix
        return float(self._predictor.predict(matrix).probability[0])

    def recompute(self, record: Record, emission: Emission) -> Recomputed:
        """Compute the score of a record again, and compare it with the emitted one."""
        scored_at = round(emission.scored_at.timestamp() * 1000)
        read = self._scorer.decode([record])
        if not read.leads.lead_ids:
            return Recomputed(None, read.leads.errors[0][1].code, ("score",), None)
        features = self._scorer.features(read)
        batch = self._scorer.outputs(
            read,
            features,
            self._scorer.predict(features),
            scored_at=scored_at,
            too_large=lambda _: (),
        )
        columns = read.leads.columns
        if not batch.scored:  # too little of the lead is known, under the present rules
            return Recomputed(None, batch.dead_letters[0].code, ("score",), columns)
        event = self._reader.read(batch.scored[0][1])
        explanation = self._offline.explain(columns, ages_at=self.ages_at)
        shapley = shapley_values(self.bundle, features.matrix)
        return Recomputed(
            event,
            None,
            differing_fields(emission.event, event),
            columns,
            explanation,
            None if shapley is None else shapley.bias,
            self._fields(
                columns,
                explanation,
                None if shapley is None else shapley.fields[0].tolist(),
                emission.event["reasons"],
            ),
        )

    def _fields(
        self,
        columns: Columns,
        explanation: Explanation,
        shapley: Sequence[float] | None,
        reasons: Sequence[Mapping[str, Any]],
    ) -> Sequence[RecordedField]:
        contributions = {each.name: each.contribution for each in explanation.fields}
        emitted = {reason["feature"]: reason["contribution"] for reason in reasons}
        spec, reference, numbers = self.spec, self.bundle.metadata.reference, self._numbers
        found = [
            RecordedField(
                name=name,
                value=lead_value(each, columns[each.name]),
                typical=typical_value(each, bins, numbers.get(each.name)),
                contribution=contributions[name],
                shapley=None if shapley is None else shapley[i],
                emitted=emitted.get(name),
            )
            for i, (each, bins, name) in enumerate(
                zip(spec.fields, reference.fields, spec.shown_names, strict=True)
            )
        ]
        return sorted(found, key=lambda f: -abs(f.contribution if f.shapley is None else f.shapley))

    @cached_property
    def _numbers(self) -> Mapping[str, NDArray[np.float64]]:
        """Numbers of training leads by field; empty where the bundle has no sample of them."""
        content = open_folder(self.bundle.location).read(REFERENCE)
        if content is None:
            return {}
        name = f"{self.bundle.location}/{REFERENCE}"
        reference = self.bundle.metadata.reference
        return read_sample(content, name, self.spec, reference).numbers


def differing_fields(emitted: Mapping[str, Any], computed: Mapping[str, Any]) -> list[str]:
    """Return the fields of two events that follow from the score and differ.

    Numbers are compared in single precision, in which the model computes them: formats write them
    with more digits or fewer. Reasons are compared where the emitted event has some.
    """
    names = scored_event().names_of_scores
    return [
        name
        for name in names
        if _plain(emitted[name]) != _plain(computed[name])
        and not (name == "reasons" and not emitted[name])
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(np.float32(value))
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value
