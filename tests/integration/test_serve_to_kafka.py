"""Leads that are scored over HTTP and written to Kafka: once for everybody, and never lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson
import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.integration.secured_stage import SecuredStage
from tests.integration.test_serve import TOKEN, serving
from tests.integration.worker_process import Stage, event_of

LEADS = 200
CLIENTS = 20
OF_THE_MOMENT = {"scored_at", "latency_ms"}
OF_REST = {"lead_score", "score_category", "prediction_timestamp"}


def leads_of(contacts: Sequence[Lead], count: int) -> list[dict[str, Any]]:
    return [
        {**lead.fields, "lead_id": lead.lead_id, "created_at": lead.created_at}
        for lead in contacts[:count]
    ]


def environment_of(stage: Stage) -> Mapping[str, str]:
    return {
        "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": stage.settings.kafka_bootstrap_servers,
        "LEADSCORE_TOPIC_PREFIX": stage.settings.topic_prefix,
        "LEADSCORE_REST_WRITE_LEADS": "true",
    }


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=30.0
    )


async def until_ready(client: httpx.AsyncClient) -> None:
    async def is_ready() -> bool:
        return (await client.get("/readyz")).status_code == 200

    await until(is_ready, what="a server that can write to Kafka")


def without(event: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


async def test_a_worker_scores_a_lead_of_rest_once_with_the_event_id_of_the_answer(
    stage: Stage, bank_model: Bundle, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    with serving(bank_model, **environment_of(stage)) as (url, _):
        async with client_of(url) as client:
            await until_ready(client)
            leads = leads_of(contacts, LEADS)
            [lone] = [(await client.post("/score-lead", json=leads[0])).json()]
            batch = (await client.post("/predict-batch", json=leads[1:])).json()
    answers = {found["event_id"]: found for found in (lone, *batch["predictions"])}
    assert len(answers) == LEADS

    async def are_scored() -> bool:
        return len(await stage.scored_records()) >= LEADS

    await until(are_scored, what="a scored event of each lead")
    await worker.stop_cleanly()
    events = [event_of(record.value) for record in await stage.scored_records()]
    assert len(events) == LEADS
    for event in events:
        answer = without(answers[event["event_id"]], OF_THE_MOMENT | OF_REST)
        assert answer == without(event, OF_THE_MOMENT)


async def test_a_server_that_is_killed_has_written_every_lead_that_it_answered(
    stage: Stage, bank_model: Bundle, contacts: list[Lead]
) -> None:
    leads = leads_of(contacts, 2000)
    answered: dict[str, Mapping[str, Any]] = {}
    with serving(bank_model, **environment_of(stage)) as (url, process):
        async with client_of(url) as client:
            await until_ready(client)

            async def send(mine: Sequence[dict[str, Any]]) -> None:
                for lead in mine:
                    try:
                        answer = await client.post("/score-lead", json=lead)
                    except httpx.HTTPError:
                        return
                    if answer.status_code == 200:
                        answered[lead["lead_id"]] = answer.json()["source"]

            sending = [asyncio.create_task(send(leads[at::CLIENTS])) for at in range(CLIENTS)]
            await until(lambda: len(answered) >= LEADS, what="answers")
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.gather(*sending)
    written = {
        (record.partition, record.offset): orjson.loads(record.value)["lead_id"]
        for record in await stage.records(stage.settings.leads_created)
    }
    assert len(answered) >= LEADS
    for lead_id, source in answered.items():
        assert written[source["partition"], source["offset"]] == lead_id


@pytest.mark.timeout(120)
async def test_without_kafka_it_is_not_ready_and_answers_no_score(bank_model: Bundle) -> None:
    environment = {
        "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "LEADSCORE_REST_WRITE_LEADS": "true",
    }
    with serving(bank_model, **environment) as (url, _):
        async with client_of(url) as client:
            answer = await client.post("/score-lead", json={"lead_id": "a"})
            ready = await client.get("/readyz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NOT_WRITTEN")
    assert ready.status_code == 503
    assert not ready.json()["conditions"]["broker_reached"]["met"]


@pytest.mark.long
async def test_serve_needs_no_more_rights_than_are_printed(
    secured: SecuredStage, bank_model: Bundle
) -> None:
    environment = {**secured.as_user().environment, "LEADSCORE_REST_WRITE_LEADS": "true"}
    with serving(bank_model, **environment) as (url, _):
        async with client_of(url) as client:

            async def is_refused() -> bool:
                return "leadscore acls --role serve" in (await client.get("/readyz")).text

            await until(is_refused, what="a reason that names the command with the rights")
            await secured.grant(secured.printed("serve"))
            await until_ready(client)
            answer = await client.post("/score-lead", json={"lead_id": "a"})
    assert answer.json()["source"]["topic"] == secured.settings.leads_created
