"""`leadscore serve` under load while models change, it is killed, and clients misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

import httpx
import orjson
import pytest

from stream.process.child_process import end_child, start_child
from stream.simulator.playing import Lead
from testing.http_load import Load, Requests, as_fast_as_possible
from testing.kafka_client import until
from tests.chaos.conftest import FORM
from tests.chaos.test_model_changes import Models, models

__all__ = ["models"]

SECONDS = 60.0 if FORM else 10.0
CLIENTS = 100
LEADS = 500
LIMIT = 100_000
HELD = 50
"""Connections that send their request slowly."""


class Server:
    """A server on a port of its own that is killed and started again."""

    def __init__(self, models: Models) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._environment = {
            "LEADSCORE_REGISTRY": str(models.registry.root),
            "LEADSCORE_MODEL": "bank",
            "LEADSCORE_CONTRACT": "bank_contact",
            "LEADSCORE_MODEL_POLL_SECONDS": "0.3",
            "LEADSCORE_REST_MAX_BODY_BYTES": str(LIMIT),
        }
        self._process = self._started()

    def _started(self) -> Any:
        command = [sys.executable, "-m", "stream", "serve", "--port", str(self.port)]
        return start_child(command, env=os.environ | self._environment)

    async def ready(self) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as client:

            async def is_ready() -> bool:
                with suppress(httpx.HTTPError):
                    return (await client.get("/readyz")).status_code == 200
                return False

            await until(is_ready, within=120, what="a ready server")

    async def restart(self) -> None:
        """Kill it, and start another on the same port."""
        self._process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(end_child, self._process)
        self._process = self._started()
        await self.ready()

    def end(self) -> None:
        end_child(self._process)


@pytest.fixture
async def server(models: Models) -> AsyncIterator[Server]:
    server = Server(models)
    await server.ready()
    yield server
    server.end()


async def expected_of(server: Server, leads: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the score of each lead, each asked for alone; the versions have the same trees."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        answers = [await client.post("/score-lead", json=lead) for lead in leads]
    return {answer.json()["lead_id"]: answer.json()["score"] for answer in answers}


def requests_of(
    leads: Sequence[Mapping[str, Any]], expected: Mapping[str, float], hashes: set[str]
) -> tuple[Requests, dict[str, int]]:
    """Return requests, and how many answers each model has given."""
    models: dict[str, int] = dict.fromkeys(hashes, 0)

    def is_right(number: int, status: int, body: bytes) -> bool:
        answer = orjson.loads(body)
        if status == 503:  # it says so, and has no score
            return answer.keys() == {"error"}
        lead_id = leads[number]["lead_id"]
        models[answer["model_sha256"]] += 1
        return bool(
            status == 200
            and answer["lead_id"] == lead_id
            and answer["score"] == answer["lead_score"] == expected[lead_id]
        )

    contents = []
    for lead in leads:
        body = orjson.dumps(lead)
        head = (
            "POST /score-lead HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        contents.append(head.encode() + body)
    return Requests(contents, is_right), models


async def hold_slowly(port: int) -> None:
    """Send half a request on many connections, a byte at a time, until cancelled."""
    writers: list[asyncio.StreamWriter] = []
    try:
        while True:
            while len(writers) < HELD:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(b"POST /score-lead HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n")
                    writers.append(writer)
                await asyncio.sleep(0.01)
            for writer in writers:
                writer.write(b"X")
            await asyncio.sleep(0.5)
            writers = [writer for writer in writers if not writer.is_closing()]
    finally:
        for writer in writers:
            writer.close()


async def send_too_much(port: int, statuses: set[int]) -> None:
    """Send bodies beyond the limit, until cancelled."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        while True:
            with suppress(httpx.HTTPError):
                answer = await client.post("/score-lead", content=b"x" * (LIMIT + 1))
                statuses.add(answer.status_code)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def faults(server: Server, models: Models, chance: Random) -> AsyncIterator[set[int]]:
    """Change the model, kill the server, and misbehave as clients, until the body ends."""
    statuses: set[int] = set()

    async def flip() -> None:
        while True:
            await asyncio.to_thread(models.flip)
            await asyncio.sleep(chance.uniform(0.5, 2.0))

    async def kill() -> None:
        while True:
            await asyncio.sleep(chance.uniform(SECONDS / 5, SECONDS / 3))
            await server.restart()

    tasks = [
        asyncio.create_task(work)
        for work in (
            flip(),
            kill(),
            hold_slowly(server.port),
            send_too_much(server.port, statuses),
        )
    ]
    try:
        yield statuses
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.thorough
@pytest.mark.timeout(400)
async def test_no_answer_is_wrong_while_models_change_and_the_server_is_killed(
    server: Server, models: Models, contacts: list[Lead], chance: Random
) -> None:
    leads = [
        {**lead.fields, "lead_id": lead.lead_id, "created_at": lead.created_at}
        for lead in contacts[:LEADS]
    ]
    expected = await expected_of(server, leads)
    requests, by_model = requests_of(leads, expected, {at.sha256 for at in models.bundles})
    async with faults(server, models, chance) as statuses:
        load: Load = await as_fast_as_possible(
            server.port, requests, clients=CLIENTS, seconds=SECONDS
        )
    assert load.wrong == 0
    assert all(count > 0 for count in by_model.values()), by_model
    assert statuses == {413}
