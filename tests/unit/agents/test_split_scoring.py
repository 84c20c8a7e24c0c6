"""Two models share a batch: each lead as its model alone scores it, in order, none lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from agents.canary_mark import Arm, CanaryMark
from agents.canary_split import CanarySplit
from agents.drift import Counting
from agents.records import Output
from agents.rules import Rules
from agents.scored_batch import ScoredBatch
from agents.scoring import Scorer
from agents.split_scoring import CanaryScoresError, SplitScorer
from features.aspect_bins import further_bins
from features.counts import CountLayout
from features.matrix import FeatureEncoder
from model.bundle import Bundle
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import Prediction, Predictor
from schemas.decode import LeadDecoder
from schemas.headers import CANARY
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from tests.unit.scored_bundle import scored_model_of
from tests.unit.two_models import TwoModels

SCORED_AT = 1_800_000_000_000


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    key: bytes | None = b"key"
    timestamp: int = SCORED_AT - 7
    partition: int = 2


class Misbehaving:
    """A predictor whose predictions are changed, or fail."""

    engine = "onnx"

    def __init__(self, bundle: Bundle, change: Callable[[Prediction], Prediction]) -> None:
        self._predictor = OnnxPredictor(bundle.files["model.onnx"])
        self._change = change

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        return self._change(self._predictor.predict(matrix))

    def contributions(self, matrix: NDArray[np.float32]) -> Any:
        return self._predictor.contributions(matrix)


def scorer_of(
    bundle: Bundle,
    predictor: Predictor | None = None,
    *,
    reading: object = "alike",
    rules: Rules | None = None,
) -> Scorer:
    metadata = bundle.metadata
    labels = metadata.reason_labels()
    return Scorer(
        scored_model_of(bundle),
        decoder=LeadDecoder(SchemaStore.load(), metadata.spec.kinds),
        encoder=FeatureEncoder(metadata.spec, metadata.reference),
        predictor=predictor or OnnxPredictor(bundle.files["model.onnx"]),
        labels=labels,
        rules=rules or Rules(),
        wire=WireFormat.JSON,
        counting=Counting(
            bundle.identity,
            CountLayout(metadata.reference),
            0.5,
            300_000,
            further_bins(metadata.spec, metadata.reference),
        ),
        reading=reading,
    )


def score(scorer: Any, records: Sequence[Record], too_large: Any = lambda _: ()) -> ScoredBatch:
    read = scorer.decode(records)
    features = scorer.features(read)
    prediction = scorer.predict(features)
    batch: ScoredBatch = scorer.outputs(
        read, features, prediction, scored_at=SCORED_AT, too_large=too_large
    )
    return batch


@dataclass
class Place:
    """A split of two models, and what it has reported."""

    two: TwoModels
    share: float = 40
    reading: object = "alike"
    """The canary's."""
    canary: Predictor | None = None
    rules: Rules | None = None
    """The canary's."""
    scored: dict[Arm, int] = field(default_factory=dict)
    failures: list[tuple[Exception, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        after = self.two.after
        self.split = CanarySplit(after.identity, self.share, "5ba2")
        self.production = scorer_of(self.two.before)
        self.alone = scorer_of(after, reading=self.reading, rules=self.rules)
        self.scorer = SplitScorer(
            self.production,
            scorer_of(after, self.canary, reading=self.reading, rules=self.rules),
            self.split,
            clock=iter(np.arange(0, 100, 0.001)).__next__,
            on_scored=self._on_scored,
            on_failure=lambda error, leads: self.failures.append((error, leads)),
        )

    def _on_scored(self, arm: Arm, leads: int) -> None:
        self.scored[arm] = self.scored.get(arm, 0) + leads

    def records(self) -> list[Record]:
        """Return good leads, and two records that are none."""
        values: list[bytes | None] = [*self.two.small.values()]
        values[5:5] = [b"no lead", None]
        return [Record(100 + at, value) for at, value in enumerate(values)]

    def chosen(self, batch: ScoredBatch) -> list[bool]:
        """Return which scored leads are the canary's."""
        chosen: list[bool] = self.split.chosen([key or b"" for key, _, _ in batch.scored]).tolist()
        return chosen


def mark_of(output: Output) -> CanaryMark | None:
    return CanaryMark.read(output[2])


def without_mark(outputs: Sequence[Output]) -> list[Output]:
    return [
        (key, value, [header for header in headers if header[0] != CANARY])
        for key, value, headers in outputs
    ]


@pytest.mark.parametrize("reading", ["alike", "other fields"])
def test_each_lead_is_scored_as_its_model_alone_scores_it_and_in_order(
    two: TwoModels, reading: str
) -> None:
    place = Place(two, reading=reading)
    records = place.records()
    batch = score(place.scorer, records)
    alone = [score(model, records) for model in (place.production, place.alone)]
    chosen = place.chosen(batch)
    assert 100 < sum(chosen) < 250
    expected = [alone[is_canary].scored[row] for row, is_canary in enumerate(chosen)]
    assert without_mark(batch.scored) == expected
    assert batch.positions == alone[0].positions
    assert batch.scores.tolist() == [
        alone[is_canary].scores[row] for row, is_canary in enumerate(chosen)
    ]
    assert batch.coverage.tolist() == alone[0].coverage.tolist()
    assert batch.timestamps.tolist() == alone[0].timestamps.tolist()
    assert [(letter.position, letter.code) for letter in batch.dead_letters] == [
        (letter.position, letter.code) for letter in alone[0].dead_letters
    ]
    assert place.scored == {
        Arm.PRODUCTION: chosen.count(False),
        Arm.CANARY: chosen.count(True),
    }
    assert not place.failures


def test_events_say_what_scored_them_and_unread_records_do_not(two: TwoModels) -> None:
    place = Place(two)
    batch = score(place.scorer, place.records())
    for output, is_canary in zip(batch.scored, place.chosen(batch), strict=True):
        arm = Arm.CANARY if is_canary else Arm.PRODUCTION
        assert mark_of(output) == CanaryMark(arm, 40, 1000, "5ba2")
        version = orjson.loads(output[1] or b"")["model_version"]
        assert version == ("2" if is_canary else "1")
    assert [mark_of(letter.output) for letter in batch.dead_letters] == [None, None]


def fail(_: Prediction) -> Prediction:
    raise RuntimeError("out of order")


def no_number(prediction: Prediction) -> Prediction:
    return replace(prediction, probability=np.full_like(prediction.probability, np.nan))


@pytest.mark.parametrize(
    ("change", "error"), [(fail, RuntimeError), (no_number, CanaryScoresError)]
)
@pytest.mark.parametrize("reading", ["alike", "other fields"])
def test_leads_that_the_canary_fails_to_score_are_scored_by_the_model_in_production(
    two: TwoModels,
    change: Callable[[Prediction], Prediction],
    error: type[Exception],
    reading: str,
) -> None:
    place = Place(two, canary=Misbehaving(two.after, change), reading=reading)
    records = place.records()
    batch = score(place.scorer, records)
    alone = score(place.production, records)
    assert without_mark(batch.scored) == alone.scored
    assert batch.positions == alone.positions
    chosen = place.chosen(batch)
    marks = [mark_of(output) for output in batch.scored]
    assert [mark is not None and mark.arm is Arm.FALLBACK for mark in marks] == chosen
    [(found, leads)] = place.failures
    assert isinstance(found, error)
    assert leads == sum(chosen)


def test_a_dead_letter_by_a_rule_of_the_canary_is_marked_as_its(two: TwoModels) -> None:
    place = Place(two, rules=Rules(min_coverage=1.01, low_coverage="refuse"))
    batch = score(place.scorer, place.records())
    marked = [mark_of(letter.output) for letter in batch.dead_letters]
    assert marked.count(None) == 2
    assert len(marked) > 100
    assert {mark.arm for mark in marked if mark} == {Arm.CANARY}
    assert all(mark and mark.arm is Arm.PRODUCTION for mark in map(mark_of, batch.scored))


@pytest.mark.parametrize("leads", [0, 1])
def test_a_batch_with_leads_of_one_model_or_none_is_scored(two: TwoModels, leads: int) -> None:
    place = Place(two)
    for record in place.records()[: 8 * leads + 1]:
        batch = score(place.scorer, [record] * leads)
        assert len(batch.scored) + len(batch.dead_letters) == leads


def test_only_leads_of_the_model_in_production_are_counted_for_drift(two: TwoModels) -> None:
    place = Place(two)
    records = place.records()
    read = place.scorer.decode(records)
    features = place.scorer.features(read)
    prediction = place.scorer.predict(features)
    counted = place.scorer.counted(read, features, prediction)
    batch = score(place.scorer, records)
    chosen = place.chosen(batch)
    assert counted.offsets.tolist() == [
        records[position].offset
        for position, is_canary in zip(batch.positions, chosen, strict=True)
        if not is_canary
    ]
    again = place.scorer.counted_again(records)
    assert again.offsets.tolist() == counted.offsets.tolist()
    counting = place.scorer.counting
    assert counting is not None
    assert counting.bins_of(again).tolist() == counting.bins_of(counted).tolist()
    assert again.scores.tolist() == counted.scores.tolist()
    sizes = [50, 200, len(records) - 250]
    parts = [counted.take(rows) for rows in place.scorer.to_count(read, features).rows(sizes)]
    assert [len(part.offsets) > 0 for part in parts] == [True] * 3
    assert parts[1].offsets.min() >= 150
    assert parts[1].offsets.max() < 350
