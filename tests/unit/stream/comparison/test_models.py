"""Scores of a model: those of the worker, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from agents.offline import OfflineScorer
from model.serving.predictor import open_predictor
from schemas.errors import InputError
from schemas.wire import WireFormat
from stream.comparison.models import load_model, name_of, score_columns, score_records
from stream.comparison.score_values import EventReader
from stream.settings import load_settings
from tests.unit.small_model import LEADS, NAME
from tests.unit.stream.comparison.lead_records import LeadRecord, lead_records
from tests.unit.two_models import TwoModels

READER = EventReader()


def expected(two: TwoModels) -> list[float]:
    scorer = OfflineScorer(two.after, open_predictor(two.after))
    return [row["score"] for row in scorer.score(two.small.columns, LEADS)]


@pytest.mark.parametrize("output_format", ["avro", "json"])
def test_records_get_the_events_of_the_worker(two: TwoModels, output_format: str) -> None:
    settings = load_settings(output_format=output_format)
    records = lead_records(two.small)
    records.insert(3, LeadRecord(b"no lead", LEADS))
    scores = score_records(two.after, settings, records)
    assert scores.side.name == name_of(two.after) == f"{NAME}/2"
    assert scores.side.values[3] is None
    events = [READER.read(value) for value in scores.side.values if value is not None]
    assert [event["score"] for event in events] == expected(two)
    assert [event["source"]["offset"] for event in events] == list(range(LEADS))
    missing = [field.missing for field in two.after.metadata.reference.counted]
    assert scores.bins[3].tolist() == missing
    assert scores.bins.shape == (LEADS + 1, len(missing))


def test_a_refused_lead_has_no_score(two: TwoModels) -> None:
    settings = load_settings(low_coverage="refuse", min_coverage=0.99)
    values = score_records(two.after, settings, lead_records(two.small)).side.values
    assert 0 < sum(value is None for value in values) < LEADS


def test_columns_of_a_file_get_the_same_scores_and_bins(two: TwoModels) -> None:
    rows = np.arange(LEADS) * 2
    scores = score_columns(two.after, two.small.columns, rows, 2 * LEADS)
    read = [READER.scored(scores.side.values[row]).score for row in rows.tolist()]
    assert read == expected(two)
    assert all(value is None for value in scores.side.values[1::2])
    of_records = score_records(two.after, load_settings(), lead_records(two.small, WireFormat.JSON))
    np.testing.assert_array_equal(scores.bins[rows], of_records.bins)


def test_a_file_without_a_lead_is_refused(two: TwoModels) -> None:
    with pytest.raises(InputError, match="at least one lead"):
        score_columns(two.after, {}, np.arange(0), 3)


def test_a_model_is_found_by_its_reference(two: TwoModels) -> None:
    assert name_of(load_model(str(two.registry), f"{NAME}/1")) == f"{NAME}/1"
