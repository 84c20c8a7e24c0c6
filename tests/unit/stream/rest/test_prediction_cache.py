"""Scores of the last minutes."""

from __future__ import annotations

import json

from stream.rest.leads import lead_of
from stream.rest.prediction_cache import PredictionCache
from tests.unit.small_model import SmallModel
from tests.unit.stream.rest.client import client_of
from tests.unit.stream.rest.test_app import leads_of

LOOKS = "leadscore_prediction_cache_total"


async def test_the_same_content_is_scored_once_and_keeps_its_own_ids(model: SmallModel) -> None:
    [lead] = leads_of(model, 1)
    other = {**lead, "lead_id": "other"}
    async with client_of(model) as client:
        first = (await client.post("/score-lead", json=lead)).json()
        second = (await client.post("/score-lead", json=other)).json()
        metrics = (await client.get("/metrics")).text
    async with client_of(model, rest_cache_seconds=0) as client:
        expected = (await client.post("/score-lead", json=other)).json()
    assert second["score"] == first["score"]
    assert second["scored_at"] == first["scored_at"]
    for name in ("event_id", "lead_id", "created_at", "reasons", "source", "score"):
        assert second[name] == expected[name]
    assert f'{LOOKS}{{result="hit"}} 1.0' in metrics
    assert f'{LOOKS}{{result="miss"}} 1.0' in metrics
    assert "leadscore_http_batch_leads_sum 1.0" in metrics


async def test_a_wrong_id_is_refused_though_the_content_is_known(model: SmallModel) -> None:
    [lead] = leads_of(model, 1)
    async with client_of(model) as client:
        await client.post("/score-lead", json=lead)
        answer = await client.post("/score-lead", json={**lead, "lead_id": 7})
    assert answer.json()["error"]["code"] == "VALIDATION"


def test_a_score_is_kept_for_its_time_and_for_its_model() -> None:
    looks: list[bool] = []
    now = [0.0]
    cache = PredictionCache(300, 10, looks.append, clock=lambda: now[0])
    lead = lead_of({"lead_id": "a", "x": 1}, "r", 5)
    event = {"model_sha256": "m", "score": 0.5, "source": {"topic": "rest", "offset": 1}}
    cache.keep(lead, event)
    assert cache.find(lead, "n", {}) is None
    now[0] = 299
    found = cache.find(lead, "m", {"lead_id": "a"})
    assert found is not None
    assert (found["score"], found["source"]["offset"]) == (0.5, lead.offset)
    now[0] = 301
    assert cache.find(lead, "m", {}) is None
    assert looks == [False, True, False]


def test_fields_that_decide_the_score_are_the_content() -> None:
    def content(**fields: object) -> object:
        return json.loads(lead_of(fields, "r", 5).content)

    assert content(lead_id="a", x=1) == content(lead_id="b", x=1, request_id="q")
    assert content(lead_id="a", x=1) != content(lead_id="a", x=2)
    assert content(lead_id="a", created_at=1) != content(lead_id="a", created_at=2)
