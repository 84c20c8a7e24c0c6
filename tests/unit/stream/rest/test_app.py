"""The routes: requests and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.errors import OutOfOrderSequenceNumber
from pydantic import SecretStr

from agents.lead_grades import grade_in
from schemas.headers import EventIds
from schemas.wire import WireFormat
from stream.rest import lead_writer, server
from stream.rest.bodies import MOST_LEADS
from stream.scoring.serving_model import load_serving, locate
from stream.settings import load_settings
from tests.lead_store_conformance import WRITTEN_AT, filled
from tests.unit.agents.test_scoring import events, records, score
from tests.unit.small_model import SmallModel
from tests.unit.stream.rest.client import client_of, rules_file
from tests.unit.stream.rest.test_lead_writer import FakeProducer
from tests.unit.stream.rest.test_request_log import lines

OF_THE_SOURCE = {"event_id", "request_id", "scored_at", "latency_ms", "source"}
"""Fields whose values differ between Kafka and HTTP."""
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


@pytest.mark.parametrize("wire", [WireFormat.JSON, WireFormat.AVRO])
async def test_leads_by_id_have_the_scores_of_kafka_to_the_bit(
    model: SmallModel, wire: WireFormat, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'leads.db'}"
    await filled(url, model.leads[:300], wire)
    ids = [lead["lead_id"] for lead in model.leads[:300]]
    async with client_of(model, rest_lead_store=SecretStr(url)) as client:
        for body in (ids, {"lead_ids": ids}):
            answer = (await client.post("/predict-batch", json=body)).json()
            assert answer["errors"] == []
            for found, event in zip(answer["predictions"], as_on_kafka(model, 300), strict=True):
                assert without(found, OF_THE_SOURCE | OF_REST) == without(event, OF_THE_SOURCE)


async def test_leads_by_id_have_the_grades_of_the_workers_headers(
    model: SmallModel, tmp_path: Path
) -> None:
    url, rules = f"sqlite:///{tmp_path / 'leads.db'}", rules_file(tmp_path)
    await filled(url, model.leads[:300], WireFormat.JSON)
    ids = [lead["lead_id"] for lead in model.leads[:300]]
    async with client_of(model, rest_lead_store=SecretStr(url), grade_rules=rules) as client:
        answer = (await client.post("/predict-batch", json=ids)).json()
    settings = load_settings(registry=str(model.registry), grade_rules=rules)
    given = records(model.values(WireFormat.JSON)[:300])
    scored = score(
        load_serving(settings, locate(settings)).scorer,
        [replace(record, timestamp=WRITTEN_AT) for record in given],
    ).scored
    grades = [found["grade"] for found in answer["predictions"]]
    assert grades == [grade_in(headers) for _, _, headers in scored]
    assert len(set(grades)) > 5


async def test_an_unknown_id_is_an_error_of_its_own(model: SmallModel, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'leads.db'}"
    await filled(url, model.leads[:2], WireFormat.JSON)
    async with client_of(model, rest_lead_store=SecretStr(url)) as client:
        answer = (await client.post("/predict-batch", json=["L-1", "nobody", "L-0"])).json()
        ready = await client.get("/readyz")
    assert [found["lead_id"] for found in answer["predictions"]] == ["L-1", "L-0"]
    [error] = answer["errors"]
    assert (error["index"], error["lead_id"], error["code"]) == (1, "nobody", "NO_SUCH_LEAD")
    assert ready.json()["lead_store"] == {"met": True}


async def test_without_the_lead_store_ids_are_a_503_and_whole_leads_are_scored(
    model: SmallModel, tmp_path: Path
) -> None:
    store = SecretStr(f"sqlite:///{tmp_path / 'none.db'}")
    async with client_of(model, rest_lead_store=store) as client:
        by_id = await client.post("/predict-batch", json=["a"])
        whole = await client.post("/predict-batch", json=leads_of(model, 1))
        ready = await client.get("/readyz")
    assert (by_id.status_code, by_id.json()["error"]["code"]) == (503, "LEAD_STORE_AWAY")
    assert by_id.headers["retry-after"] == "5"
    assert (whole.status_code, ready.status_code) == (200, 200)
    assert "leadscore sink sql" in ready.json()["lead_store"]["reason"]


async def test_more_than_2000_ids_are_too_many(model: SmallModel) -> None:
    async with client_of(model) as client:
        answer = await client.post("/predict-batch", json=["a"] * (MOST_LEADS + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_MANY_LEADS")


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    """A producer for servers that write leads to Kafka."""
    producer = FakeProducer()

    class Answering:
        def __init__(self, _: Any) -> None: ...

        async def ask(self) -> None: ...

    async def opened() -> tuple[FakeProducer, int]:
        return producer, 1_000_000

    monkeypatch.setattr(server, "BrokerProbe", Answering)
    monkeypatch.setattr(lead_writer, "_producer_opener", lambda *_: opened)
    return producer


async def test_scored_leads_are_written_and_answered_with_their_place(
    model: SmallModel, producer: FakeProducer
) -> None:
    first, second = leads_of(model, 2)
    async with client_of(model, rest_write_leads=True) as client:
        lone = (await client.post("/score-lead", json=first)).json()
        broken = {"lead_id": "b", "page_views": "x"}
        batch = await client.post("/predict-batch", json=[first, broken, second])
    offsets = [found["source"]["offset"] for found in (lone, *batch.json()["predictions"])]
    assert offsets == [0, 1, 2]
    assert lone["source"]["topic"] == "leads.created"
    [event_id] = EventIds("leads.created", lone["model_sha256"]).of(
        [lone["source"]["partition"]], [lone["source"]["offset"]]
    )
    assert lone["event_id"] == event_id.decode(), "that of the worker's event"
    written = [json.loads(record["value"]) for record in producer.sent]
    assert written == [first, first, second]


async def test_a_lead_that_cannot_be_written_is_not_answered_with_a_score(
    model: SmallModel, producer: FakeProducer
) -> None:
    producer.error = OutOfOrderSequenceNumber()
    async with client_of(model, rest_write_leads=True) as client:
        answer = await client.post("/score-lead", json={"lead_id": "a"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NOT_WRITTEN")


async def test_leads_of_the_lead_store_are_not_written_again(
    model: SmallModel, producer: FakeProducer, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'leads.db'}"
    await filled(url, model.leads[:1], WireFormat.JSON)
    given = {"rest_lead_store": SecretStr(url), "rest_write_leads": True}
    async with client_of(model, **given) as client:
        answer = (await client.post("/predict-batch", json=["L-0"])).json()
    assert (answer["count"], producer.sent) == (1, [])


async def test_requests_and_predictions_are_logged(model: SmallModel, tmp_path: Path) -> None:
    async with client_of(model, rest_log=tmp_path) as client:
        await client.post("/score-lead", json={"lead_id": "a"}, headers={"x-request-id": "r"})
        await client.post("/score-lead", content="[", headers={"x-request-id": "s"})
        await client.get("/healthz")
    requests, [prediction] = lines(tmp_path, "requests"), lines(tmp_path, "predictions")
    assert [(at["request_id"], at["status"], at["lead_ids"]) for at in requests] == [
        ("r", 200, ["a"]),
        ("s", 422, []),
    ]
    assert prediction["lead_id"] == "a"


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


@pytest.mark.parametrize("prefix", ["", "/ai/advanced-ml"])
async def test_health_and_models_describe_what_serves(model: SmallModel, prefix: str) -> None:
    async with client_of(model) as client:
        health = (await client.get(f"{prefix}/health")).json()
        models = (await client.get(f"{prefix}/models")).json()
        info = (await client.get(f"{prefix}/model-info")).json()
        metrics = (await client.get("/metrics")).text
    assert (health["status"], health["model_stage"]) == ("healthy", "production")
    assert models == {"models": [{"name": "leads", "versions": ["1"], "aliases": {}}]}
    assert info["production"]["sha256"] == model.bundle.sha256
    assert info["shadow"] is None
    assert f'sha256="{model.bundle.sha256}"' in metrics
    assert f'leadscore_http_requests_total{{route="{prefix}/models",status="200"}} 1.0' in metrics


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/score-lead", 405), ("GET", "/nothing", 404)]
)
async def test_unknown_paths_and_methods_are_errors_of_the_same_form(
    model: SmallModel, method: str, path: str, status: int
) -> None:
    async with client_of(model) as client:
        answer: httpx.Response = await client.request(method, path)
        metrics = (await client.get("/metrics")).text
    assert answer.status_code == status
    assert "/nothing" not in metrics, "labels have few values"
    assert answer.json()["error"].keys() == {"code", "message", "request_id"}
