"""A score is computed again to the bit, and beside it the exact Shapley values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from stream.explanation.emission import Emission
from stream.explanation.models import Models
from stream.explanation.recomputation import Recomputed, differing_fields
from stream.explanation.subject import LeadId
from stream.fetch.raw_records import RawRecord
from tests.unit.small_model import LEADS, SmallModel
from tests.unit.stream.explanation.scored_leads import emit, records_of, send, settings_with
from tests.unit.stream.fake_topics import FakeTopics


async def emitted(model: SmallModel, row: int, **given: Any) -> tuple[RawRecord, Emission]:
    topics = FakeTopics()
    record = send(topics, model.leads[row])
    emit(topics, record, model.bundle, **given)
    lead = LeadId(model.leads[row]["lead_id"])
    [emission] = [each async for each in records_of(topics, settings_with()).emissions(lead)]
    return record, emission


def recompute(model: SmallModel, record: RawRecord, emission: Emission, **given: Any) -> Recomputed:
    models = Models(settings_with(model.registry, **given))
    return models.of(emission.event).recompute(record, emission)


@pytest.mark.parametrize("form", ["avro", "json"])
async def test_the_score_is_the_same_to_the_bit_in_every_format(
    model: SmallModel, form: str
) -> None:
    for row in range(0, LEADS, 40):
        record, emission = await emitted(model, row, output_format=form)
        again = recompute(model, record, emission)
        assert again.is_reproduced
        assert not again.differing


async def test_a_score_that_differs_by_one_bit_is_not_reproduced(model: SmallModel) -> None:
    record, emission = await emitted(model, 3)
    score = float(np.nextafter(np.float32(emission.event["score"]), np.float32(1)))
    again = recompute(model, record, Emission(emission.at, {**emission.event, "score": score}))
    assert not again.is_reproduced
    assert again.differing == ["score"]


async def test_fields_have_values_typical_values_reasons_and_shapley_values(
    model: SmallModel,
) -> None:
    record, emission = await emitted(model, 3)
    again = recompute(model, record, emission)
    assert again.event is not None
    assert again.explanation is not None
    assert again.shapley_base is not None
    fields = {field.name: field for field in again.fields}
    assert set(fields) == set(model.columns)
    reasons = {reason["feature"]: reason["contribution"] for reason in emission.event["reasons"]}
    assert {n: f.emitted for n, f in fields.items() if f.emitted is not None} == reasons
    shapley = [field.shapley for field in again.fields]
    assert shapley == sorted(shapley, key=lambda value: -abs(value or 0.0))
    margin = again.shapley_base + sum(value or 0.0 for value in shapley)
    logit = again.explanation.slope * margin + again.explanation.intercept
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(again.event["score"], abs=1e-6)
    assert fields["page_views"].typical.startswith("median ")
    assert fields["page_views"].value == model.leads[3]["page_views"]


async def test_a_lead_that_the_present_rules_refuse_would_be_a_dead_letter(
    model: SmallModel,
) -> None:
    record, emission = await emitted(model, 3)
    again = recompute(model, record, emission, earliest_year=2090)
    assert (again.refusal, again.event, again.is_reproduced) == ("TIME", None, False)


async def test_a_lead_of_low_coverage_that_is_refused_now_would_be_a_dead_letter(
    model: SmallModel,
) -> None:
    bare = next(
        row for row in range(LEADS) if sum(v is None for v in model.leads[row].values()) >= 3
    )
    record, emission = await emitted(model, bare)
    again = recompute(model, record, emission, low_coverage="refuse", min_coverage=1.0)
    assert (again.refusal, again.is_reproduced) == ("FEATURES", False)


async def test_the_bundle_without_a_sample_gives_medians_by_their_bins(
    model: SmallModel,
) -> None:
    record, emission = await emitted(model, 5)
    again = recompute(model, record, emission)
    labels = model.bundle.metadata.reference.labels("company_size")
    [typical] = [field.typical for field in again.fields if field.name == "company_size"]
    assert typical.removeprefix("median ") in labels


def plain(score: float, **given: Any) -> Mapping[str, Any]:
    event = {"score": score, "category": "Low", "label": "engaged", "confidence": 0.5}
    return event | {"feature_coverage": 1.0, "reasons": []} | given


def test_numbers_are_compared_in_single_precision() -> None:
    """JSON has the shortest digits of a single-precision number: 0.1, not 0.10000000149."""
    assert differing_fields(plain(0.1), plain(float(np.float32(0.1)))) == []
    assert differing_fields(plain(0.1), plain(0.1 + 1e-7)) == ["score"]


def test_an_event_without_reasons_has_no_others() -> None:
    reason = {"feature": "a", "value": "1", "contribution": 0.5}
    assert differing_fields(plain(0.1), plain(0.1, reasons=[reason])) == []
    assert differing_fields(plain(0.1, reasons=[reason]), plain(0.1)) == ["reasons"]
