"""The life cycle of the scoring role, and its HTTP port before and after a model is loaded."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from stream import monitor as monitor_module
from tests.unit.small_model import SmallModel
from tests.unit.stream.scoring.role import Place


async def test_without_metrics_the_pipeline_measures_nothing() -> None:
    assert Place(metrics=False).role.pipeline._metrics is None
    assert Place().role.pipeline._metrics is not None


class NoKafka:
    """A probe of a broker that is not there."""

    def __init__(self, _: object) -> None:
        self.is_closed = False

    async def ask(self) -> str:
        return "Kafka at nowhere does not answer"

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "BrokerProbe", NoKafka)


@pytest.mark.usefixtures("no_kafka")
async def test_the_http_port_answers_before_a_model_is_loaded(tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path), http_port_file=tmp_path / "port")
    services = [place.monitor, *place.role.services]
    for service in services:
        await service.start()
    try:
        port = (tmp_path / "port").read_text().strip()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            async with client.get("/healthz") as answer:
                assert answer.status == HTTPStatus.OK
            async with client.get("/model-info") as answer:
                assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            async with client.get("/metrics") as answer:
                assert "leadscore_ready 0.0" in await answer.text()
            async with client.get("/readyz") as answer:
                assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
                conditions = (await answer.json())["conditions"]
                assert "assigned" in conditions["partitions_assigned"]["reason"]
    finally:
        for service in reversed(services):
            await service.stop()
    assert not place.app.errors
    assert not place.role.source.started
    with pytest.raises(RuntimeError):
        _ = place.monitor._server.port


@pytest.mark.usefixtures("no_kafka")
async def test_the_http_port_shows_the_model_that_serves(model: SmallModel) -> None:
    place = Place(registry=str(model.registry))
    await place.role.models.reload()
    await place.monitor._server.start()
    try:
        url = f"http://127.0.0.1:{place.monitor._server.port}/model-info"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            assert answer.status == HTTPStatus.OK
            assert (await answer.json())["sha256"] == model.bundle.sha256
    finally:
        await place.monitor._server.stop()
