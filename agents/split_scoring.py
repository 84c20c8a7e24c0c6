"""Score a batch with two models that share its leads: that in production, and a canary.

The leads are decoded once, unless the two models read different fields. Each model scores its part
as it would alone, to the bit, and the outputs are in the order of the source. What the canary
fails to score is scored by the model in production: no lead is lost by it. Each output has a
header that says what scored it (agents/canary_mark.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.canary_mark import Arm, CanaryMark
from agents.canary_split import CanarySplit
from agents.dead_letters import DeadLetter
from agents.drift import CountedLeads, Counting
from agents.read_batch import ReadBatch
from agents.records import SourceRecord
from agents.scored_batch import ScoredBatch
from agents.scoring import Scorer, TooLarge
from features.matrix import Features
from model.serving.prediction import Prediction
from schemas.errors import InvalidEventError

__all__ = ["CanaryScoresError", "Part", "SplitFeatures", "SplitPrediction", "SplitScorer"]

T = TypeVar("T")


class CanaryScoresError(ValueError):
    """A canary's scores are not numbers from 0 to 1, one a lead."""


@dataclass(frozen=True, slots=True)
class Part:
    """The leads of a batch that one model scores, and their features."""

    batch: ReadBatch
    features: Features


@dataclass(frozen=True, slots=True)
class SplitFeatures:
    """The two parts of a batch.

    Attributes
    ----------
    production
        Outcome of the model in production, with the verdicts on what is no lead.
    rest
        The canary's leads, as the model in production reads them.
    canary
        Outcome of the canary; None if it has no leads, or failed.
    error
        Why it failed; None if it did not.
    """

    production: Part
    rest: ReadBatch
    canary: Part | None
    error: Exception | None = None

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The matrix of the larger part."""
        matrices = [part.features.matrix for part in (self.production, self.canary) if part]
        return max(matrices, key=len)


@dataclass(frozen=True, slots=True)
class SplitPrediction:
    """The predictions of two parts.

    Attributes
    ----------
    production, production_seconds
        Prediction of the model in production, and the time that it took.
    canary, canary_seconds
        Prediction of the canary, None if it has no leads, or failed.
    error
        Why it failed; None if it did not.
    """

    production: Prediction
    production_seconds: float
    canary: Prediction | None = None
    canary_seconds: float = 0.0
    error: Exception | None = None


class SplitScorer:
    """Computes the scored events and dead letters of records with two models.

    Parameters
    ----------
    production, canary
        Score the leads; they count and refuse by the same rules.
    split
        Which leads are the canary's.
    clock
        Seconds of a clock that measures short times.
    on_scored
        Called with an arm and the number of its leads, for each part of a batch.
    on_failure
        Called with an error of the canary, and the number of leads that it did not score.
    """

    def __init__(
        self,
        production: Scorer,
        canary: Scorer,
        split: CanarySplit,
        *,
        clock: Callable[[], float],
        on_scored: Callable[[Arm, int], None] = lambda _arm, _leads: None,
        on_failure: Callable[[Exception, int], None] = lambda _error, _leads: None,
    ) -> None:
        self.split = split
        self._production = production
        self._canary = canary
        self._is_decoded_once = canary.decodes_like(production)
        self._clock = clock
        self._on_scored = on_scored
        self._on_failure = on_failure

    @property
    def counting(self) -> Counting | None:
        """How the leads of the model in production are counted for drift."""
        return self._production.counting

    @property
    def headers(self) -> int:
        """Number of headers of a scored event whose lead brings no trace."""
        return self._production.headers + 1

    def decode(
        self,
        records: Sequence[SourceRecord],
        verdicts: Mapping[int, InvalidEventError] | None = None,
    ) -> ReadBatch:
        """Read the leads of a batch as the model in production does."""
        return self._production.decode(records, verdicts)

    def features(self, batch: ReadBatch) -> SplitFeatures:
        """Split the leads, and compute the features of each part for its model."""
        production, rest = self._parts(batch)
        of_production = Part(production, self._production.features(production))
        if not rest.leads.positions:
            return SplitFeatures(of_production, rest, None)
        try:
            of_canary = self._read_by_canary(rest)
            part = Part(of_canary, self._canary.features(of_canary))
        except Exception as error:  # any error: the model in production scores instead
            return SplitFeatures(of_production, rest, None, error)
        return SplitFeatures(of_production, rest, part)

    def predict(self, features: SplitFeatures) -> SplitPrediction:
        """Score each part with its model. Safe in a thread."""
        production, seconds = self._timed(self._production.predict, features.production.features)
        if features.canary is None:
            return SplitPrediction(production, seconds, error=features.error)
        try:
            canary, took = self._timed(self._canary.predict, features.canary.features)
            _require_scores(canary, len(features.canary.batch.offsets))
        except Exception as error:  # as above
            return SplitPrediction(production, seconds, error=error)
        return SplitPrediction(production, seconds, canary, took)

    def to_count(self, _: ReadBatch, features: SplitFeatures) -> ReadBatch:
        """Return the part of the model in production: the leads of a canary are not counted."""
        return features.production.batch

    def counted(
        self, _: ReadBatch, features: SplitFeatures, prediction: SplitPrediction
    ) -> CountedLeads:
        """Return the leads to count for drift: those of the model in production."""
        part = features.production
        return self._production.counted(part.batch, part.features, prediction.production)

    def counted_again(self, records: Sequence[SourceRecord]) -> CountedLeads:
        """Return the leads to count of records that were scored before."""
        production, _ = self._parts(self.decode(records))
        features = self._production.features(production)
        return self._production.counted(production, features, self._production.predict(features))

    def outputs(
        self,
        batch: ReadBatch,
        features: SplitFeatures,
        prediction: SplitPrediction,
        *,
        scored_at: int,
        too_large: TooLarge,
    ) -> ScoredBatch:
        """Write the scored events and the dead letters of a batch, in the order of its records.

        Parameters
        ----------
        batch, features, prediction
            The records, and the results of the earlier steps.
        scored_at, too_large
            As for ``Scorer.outputs``.
        """
        write = partial(
            self._write,
            scored_at=scored_at,
            too_large=too_large,
            unread={position for position, _ in batch.leads.errors},
        )
        own = write(
            *(Arm.PRODUCTION, self._production, features.production),
            *(prediction.production, prediction.production_seconds),
        )
        if not features.rest.leads.positions:
            return own
        error = prediction.error
        if features.canary is not None and prediction.canary is not None:
            try:
                return own.joined(
                    write(
                        *(Arm.CANARY, self._canary, features.canary),
                        *(prediction.canary, prediction.canary_seconds),
                    )
                )
            except Exception as failed:  # as above
                error = failed
        part = Part(features.rest, self._production.features(features.rest))
        fallen_back = write(
            *(Arm.FALLBACK, self._production, part),
            *self._timed(self._production.predict, part.features),
        )
        if error is not None:
            self._on_failure(error, len(part.batch.offsets))
        return own.joined(fallen_back)

    def _write(
        self,
        arm: Arm,
        scorer: Scorer,
        part: Part,
        prediction: Prediction,
        seconds: float,
        *,
        scored_at: int,
        too_large: TooLarge,
        unread: Collection[int],
    ) -> ScoredBatch:
        """Return the outcome of one part; its outputs have the mark of what scored them.

        Dead letters of records that could not be read have none: no model had a part in them.
        """
        mark = CanaryMark.of(arm, self.split, seconds).headers()
        outcome = scorer.outputs(
            part.batch,
            part.features,
            prediction,
            scored_at=scored_at,
            too_large=too_large,
            mark=mark,
        )
        self._on_scored(arm, len(part.batch.offsets))
        letters = [
            letter if letter.position in unread else letter.with_headers(mark)
            for letter in outcome.dead_letters
        ]
        return replace(outcome, dead_letters=letters)

    def dead_letter(
        self, record: SourceRecord, position: int, error: InvalidEventError
    ) -> DeadLetter:
        """Return a dead letter of a record."""
        return self._production.dead_letter(record, position, error)

    def _parts(self, batch: ReadBatch) -> tuple[ReadBatch, ReadBatch]:
        """Split a batch into that of the model in production and the canary's."""
        is_chosen = self.split.chosen(batch.leads.lead_ids)
        production = batch.take(np.flatnonzero(~is_chosen).tolist())
        leads = replace(production.leads, errors=batch.leads.errors)
        return replace(production, leads=leads), batch.take(np.flatnonzero(is_chosen).tolist())

    def _read_by_canary(self, rest: ReadBatch) -> ReadBatch:
        """Return the canary's leads as it reads them; decoded again if its fields are others."""
        if self._is_decoded_once:
            return rest
        at = rest.leads.positions
        read = self._canary.decode([rest.records[position] for position in at])
        leads = replace(
            read.leads,
            positions=[at[position] for position in read.leads.positions],
            errors=[(at[position], error) for position, error in read.leads.errors],
        )
        return replace(read, records=rest.records, headers=rest.headers, leads=leads)

    def _timed(self, run: Callable[[Features], T], features: Features) -> tuple[T, float]:
        started = self._clock()
        return run(features), self._clock() - started


def _require_scores(prediction: Prediction, leads: int) -> None:
    probability = prediction.probability
    is_number = np.isfinite(probability) & (probability >= 0) & (probability <= 1)
    if len(probability) != leads or not is_number.all():
        raise CanaryScoresError(
            f"expected {leads} scores from 0 to 1, {int(np.count_nonzero(is_number))} are"
        )
