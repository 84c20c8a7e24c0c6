import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.http import ENDPOINTS, MonitoringServer, metrics_server, monitoring_app
from monitoring.telemetry.metrics import Metrics, worker_registry
from schemas.errors import StartupError


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Served:
    """The application with everything behind it within reach."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.health = Health(0.0, heartbeat_limit=5.0)
        self.metrics = Metrics(worker_registry(), version="1.2.3")
        self.model: dict[str, Any] | None = None
        self.app = monitoring_app(
            registry=self.metrics.registry,
            health=self.health,
            model_info=lambda: self.model,
            clock=self.clock,
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[TestClient[Any, Any]]:
        async with TestClient(TestServer(self.app)) as client:
            yield client


async def test_alive_until_the_loop_stands_still() -> None:
    served = Served()
    async with served.client() as client:
        answer = await client.get("/healthz")
        assert answer.status == 200
        assert (await answer.json())["alive"] is True
        served.clock.now = 60.0
        answer = await client.get("/healthz")
        assert answer.status == 503
        assert "event loop" in (await answer.json())["reasons"][0]


async def test_ready_when_the_conditions_are_met_and_why_not_before() -> None:
    served = Served()
    async with served.client() as client:
        answer = await client.get("/readyz")
        assert answer.status == 503
        conditions = (await answer.json())["conditions"]
        assert conditions["model_loaded"] == {
            "met": False,
            "reason": "no model has been loaded yet",
        }
        for condition in Condition:
            served.health.meet(condition)
        answer = await client.get("/readyz")
        assert answer.status == 200
        body = await answer.json()
        assert body["ready"] is True
        assert body["losses"] == []


async def test_leads_that_were_lost_are_listed_beside_the_conditions() -> None:
    served = Served()
    for condition in Condition:
        served.health.meet(condition)
    served.health.add_loss(0.0, {"topic": "leads.created", "from": 5})
    async with served.client() as client:
        answer = await client.get("/readyz")
        assert answer.status == 200
        [loss] = (await answer.json())["losses"]
        assert loss["from"] == 5


async def test_metrics_are_read_in_the_text_format() -> None:
    served = Served()
    served.metrics.rebalanced()
    async with served.client() as client:
        answer = await client.get("/metrics")
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        families = {
            family.name: family for family in text_string_to_metric_families(await answer.text())
        }
    assert families["leadscore_rebalances"].samples[0].value == 1


async def test_metrics_are_read_in_the_open_format_when_it_is_asked_for() -> None:
    async with Served().client() as client:
        answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")


@pytest.mark.parametrize("version", ["abc", "1.x", "1.0.x0", "9" * 5000])
async def test_a_version_of_the_format_that_is_none_gets_the_text_format(version: str) -> None:
    """Found by fuzzing: the client's own handler compared a string with a number."""
    accept = f"application/openmetrics-text; version={version}"
    async with Served().client() as client:
        answer = await client.get("/metrics", headers={"Accept": accept})
        assert answer.status == 200
        assert answer.content_type == "text/plain"


async def test_the_model_is_shown_once_there_is_one() -> None:
    served = Served()
    async with served.client() as client:
        answer = await client.get("/model-info")
        assert answer.status == 503
        assert "no model is loaded" in (await answer.json())["error"]
        served.model = {"name": "bank", "version": "7", "auc": float("nan")}
        answer = await client.get("/model-info")
        assert answer.status == 200
        assert await answer.json() == {"name": "bank", "version": "7", "auc": None}


async def test_the_index_leads_to_every_endpoint() -> None:
    async with Served().client() as client:
        page = await (await client.get("/")).text()
        for path in ENDPOINTS:
            assert f'href="{path}"' in page
            assert (await client.get(path)).status in (200, 503)


async def test_unknown_paths_are_404_and_nothing_can_be_written() -> None:
    async with Served().client() as client:
        assert (await client.get("/leads")).status == 404
        assert (await client.post("/metrics")).status == 405


async def test_the_server_takes_a_free_port_and_gives_it_back() -> None:
    async with MonitoringServer(Served().app, host="127.0.0.1", port=0) as server:
        url = f"http://127.0.0.1:{server.port}/healthz"
        async with ClientSession() as client, client.get(url) as answer:
            assert answer.status == 200
    async with ClientSession() as client:
        with pytest.raises(ClientConnectorError):
            await client.get(url)


async def test_requests_that_are_not_http_are_refused_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with MonitoringServer(Served().app, host="127.0.0.1", port=0) as server:
        for garbage in (b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 10_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(garbage + b"\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.0 400")
            writer.close()
    assert caplog.records == []


async def test_a_handler_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise RuntimeError("broken")

    app = web.Application()
    app.add_routes([web.get("/", fail)])
    async with (
        MonitoringServer(app, host="127.0.0.1", port=0) as server,
        ClientSession() as client,
        client.get(f"http://127.0.0.1:{server.port}/") as answer,
    ):
        assert answer.status == 500
    assert "Error handling request" in caplog.text


async def test_a_taken_port_is_a_sentence_that_names_the_setting() -> None:
    async with MonitoringServer(Served().app, host="127.0.0.1", port=0) as first:
        second = MonitoringServer(Served().app, host="127.0.0.1", port=first.port)
        with pytest.raises(StartupError, match="LEADSCORE_HTTP_PORT"):
            await second.start()
        await second.stop()


async def test_a_server_that_was_never_started_stops_and_has_no_port() -> None:
    server = MonitoringServer(Served().app, host="127.0.0.1", port=0)
    with pytest.raises(RuntimeError, match="await start"):
        _ = server.port
    await server.stop()


async def test_a_command_exposes_metrics_alone_on_its_port() -> None:
    registry = worker_registry()
    Metrics(registry, version="1.2.3")
    async with metrics_server(registry, "127.0.0.1", 0) as server, ClientSession() as session:
        address = f"http://127.0.0.1:{server.port}"
        async with session.get(f"{address}/metrics") as answer:
            assert "leadscore_build_info" in await answer.text()
        async with session.get(f"{address}/healthz") as answer:
            assert answer.status == 404
        with pytest.raises(StartupError, match="LEADSCORE_HTTP_HOST and --port"):
            await metrics_server(registry, "127.0.0.1", server.port).start()
