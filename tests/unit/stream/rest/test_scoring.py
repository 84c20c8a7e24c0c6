"""Leads of requests and the scorer of a worker."""

from __future__ import annotations

import pytest

from stream.rest.leads import lead_of
from stream.rest.model_service import rest_settings
from stream.rest.scoring import NoModelError, Refusal, score_leads
from stream.scoring.serving_model import load_serving, locate
from stream.settings import load_settings
from tests.unit.small_model import SmallModel

NOW = 1_700_000_000.0


def test_without_a_model_nothing_is_scored() -> None:
    with pytest.raises(NoModelError):
        score_leads(None, [lead_of({}, "r", 1)])


def test_answers_are_in_the_order_of_the_leads_and_verdicts_among_them(model: SmallModel) -> None:
    settings = rest_settings(load_settings(registry=str(model.registry)))
    serving = load_serving(settings, locate(settings))
    given = [{"lead_id": "a"}, {"lead_id": ""}, {"lead_id": "c"}, {"created_at": "x"}]
    leads = [lead_of(fields, "r", round(NOW * 1000)) for fields in given]
    first, wrong, third, other = score_leads(serving, leads, clock=lambda: NOW)
    assert isinstance(first, dict)
    assert isinstance(third, dict)
    assert (first["lead_id"], third["lead_id"]) == ("a", "c")
    assert (first["scored_at"], first["latency_ms"]) == (round(NOW * 1000), 0)
    assert isinstance(wrong, Refusal)
    assert isinstance(other, Refusal)
    assert wrong.code == other.code == "VALIDATION"
    assert "lead_id" in wrong.message
    assert "created_at" in other.message
