"""The routes: requests and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from schemas.wire import WireFormat
from stream.rest.bodies import MOST_LEADS
from stream.scoring.serving_model import load_serving, locate
from stream.settings import load_settings
from tests.unit.agents.test_scoring import events, records, score
from tests.unit.small_model import SmallModel
from tests.unit.stream.rest.client import client_of

OF_THE_SOURCE = {"event_id", "request_id", "scored_at", "latency_ms", "source"}
"""Fields whose values differ between doors."""
OF_REST = {"lead_score", "score_category", "prediction_timestamp"}


def as_on_kafka(model: SmallModel, count: int) -> Sequence[Mapping[str, Any]]:
    """Return the scored events that a worker writes for leads in JSON."""
    settings = load_settings(registry=str(model.registry), output_format="json")
    scorer = load_serving(settings, locate(settings)).scorer
    return events(score(scorer, records(model.values(WireFormat.JSON)[:count])))


def leads_of(model: SmallModel, count: int) -> list[Any]:
    return [json.loads(value) for value in model.values(WireFormat.JSON)[:count]]


def without(event: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


@pytest.mark.parametrize("prefix", ["", "/ai/advanced-ml"])
async def test_a_batch_has_the_scores_of_kafka_to_the_bit(model: SmallModel, prefix: str) -> None:
    leads = leads_of(model, 300)
    async with client_of(model) as client:
        answer = (await client.post(f"{prefix}/predict-batch", json=leads)).json()
    expected = as_on_kafka(model, 300)
    assert answer["errors"] == []
    assert answer["count"] == len(expected) == 300
    for found, event in zip(answer["predictions"], expected, strict=True):
        assert without(found, OF_THE_SOURCE | OF_REST) == without(event, OF_THE_SOURCE)


async def test_a_lone_lead_has_the_score_of_kafka_to_the_bit(model: SmallModel) -> None:
    [event] = as_on_kafka(model, 1)
    async with client_of(model) as client:
        answer = await client.post("/score-lead", json=leads_of(model, 1)[0])
    found = answer.json()
    assert answer.status_code == 200
    assert without(found, OF_THE_SOURCE | OF_REST) == without(event, OF_THE_SOURCE)
    assert (found["lead_score"], found["score_category"]) == (event["score"], event["category"])
    assert found["source"]["topic"] == "rest"


async def test_the_same_lead_has_the_same_event_id_and_another_lead_another(
    model: SmallModel,
) -> None:
    first, second = leads_of(model, 2)
    async with client_of(model, rest_cache_seconds=0) as client:
        ids = [
            (await client.post("/score-lead", json=lead)).json()["event_id"]
            for lead in (first, first, second)
        ]
    assert ids[0] == ids[1] != ids[2]


async def test_a_lead_without_id_and_time_gets_those_of_the_request(model: SmallModel) -> None:
    async with client_of(model) as client:
        found = (
            await client.post(
                "/score-lead", json={"page_views": 3}, headers={"x-request-id": "r-1"}
            )
        ).json()
    assert (found["lead_id"], found["request_id"]) == ("r-1", "r-1")
    assert found["created_at"] == found["scored_at"] or found["created_at"] < found["scored_at"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"lead_id": 7}', "VALIDATION"),
        ('{"lead_id": "a", "created_at": "yesterday"}', "VALIDATION"),
        ('{"lead_id": "a", "page_views": "many"}', "TYPE"),
        ('{"lead_id": "a", "created_at": 3}', "TIME"),
        ("[1", "DECODE"),
        ('["a"]', "VALIDATION"),
        ("", "DECODE"),
        ('{"lead_id": "\\ud800"}', "DECODE"),
    ],
)
async def test_a_body_without_a_valid_lead_is_refused_with_code_and_sentence(
    model: SmallModel, body: str, code: str
) -> None:
    async with client_of(model) as client:
        answer = await client.post("/score-lead", content=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, code)
    assert "expected " in error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    assert "yesterday" not in answer.text
    assert "many" not in answer.text


async def test_a_wrong_lead_does_not_spoil_its_batch(model: SmallModel) -> None:
    [lead] = leads_of(model, 1)
    body = {"leads": [lead, {"lead_id": "b", "page_views": "x"}, lead]}
    async with client_of(model) as client:
        answer = (await client.post("/predict-batch", json=body)).json()
    assert [found["lead_id"] for found in answer["predictions"]] == [lead["lead_id"]] * 2
    [error] = answer["errors"]
    assert (error["index"], error["lead_id"], error["code"]) == (1, "b", "TYPE")


async def test_more_than_2000_leads_are_too_many(model: SmallModel) -> None:
    async with client_of(model) as client:
        answers = [
            await client.post("/predict-batch", json=[{"lead_id": "a"}] * count)
            for count in (MOST_LEADS, MOST_LEADS + 1)
        ]
    assert [answer.status_code for answer in answers] == [200, 413]
    assert answers[1].json()["error"]["code"] == "TOO_MANY_LEADS"


async def test_ids_need_a_lead_store(model: SmallModel) -> None:
    async with client_of(model) as client:
        for body in (["a", "b"], {"lead_ids": ["a"]}):
            answer = await client.post("/predict-batch", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "NO_LEAD_STORE")


async def test_without_a_model_the_answer_says_so() -> None:
    async with client_of(None) as client:
        scored = await client.post("/score-lead", json={"lead_id": "a"})
        health, ready = await client.get("/health"), await client.get("/readyz")
        info = await client.get("/model-info")
    assert (scored.status_code, scored.json()["error"]["code"]) == (503, "NO_MODEL")
    assert scored.headers["retry-after"] == "5"
    assert (health.status_code, health.json()["model_loaded"]) == (200, False)
    assert (ready.status_code, info.status_code) == (503, 503)
    assert "nowhere" in ready.text


async def test_health_and_models_describe_what_serves(model: SmallModel) -> None:
    async with client_of(model) as client:
        health = (await client.get("/health")).json()
        models = (await client.get("/models")).json()
        info = (await client.get("/model-info")).json()
        metrics = (await client.get("/metrics")).text
    assert (health["status"], health["model_stage"]) == ("healthy", "production")
    assert models == {"models": [{"name": "leads", "versions": ["1"], "aliases": {}}]}
    assert info["production"]["sha256"] == model.bundle.sha256
    assert info["shadow"] is None
    assert f'sha256="{model.bundle.sha256}"' in metrics
    assert 'leadscore_http_requests_total{route="/models",status="200"} 1.0' in metrics


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/score-lead", 405), ("GET", "/nothing", 404)]
)
async def test_unknown_paths_and_methods_are_errors_of_the_same_form(
    model: SmallModel, method: str, path: str, status: int
) -> None:
    async with client_of(model) as client:
        answer: httpx.Response = await client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"].keys() == {"code", "message", "request_id"}
