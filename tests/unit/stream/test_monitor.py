"""Health and metrics of a worker: the port, its file, and what a probe of Kafka shows."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from monitoring.telemetry.health import Condition
from schemas.errors import StartupError
from stream import monitor as module
from stream.monitor import Monitor, verify_port_file
from stream.settings import load_settings
from testing.kafka_client import until


class FakeProbe:
    """A Kafka that is reached or not, as a test says."""

    reason: str | None = None

    def __init__(self, _: object) -> None:
        self.is_closed = False

    async def ask(self) -> str | None:
        return self.reason

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> type[FakeProbe]:
    class Probe(FakeProbe):
        pass

    monkeypatch.setattr(module, "BrokerProbe", Probe)
    monkeypatch.setattr(module, "PROBE_INTERVAL", 0.01)
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)
    return Probe


def monitor(**settings: Any) -> Monitor:
    return Monitor(load_settings(http_host="127.0.0.1", http_port=0, **settings), ())


def test_a_port_file_that_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    verify_port_file(tmp_path / "port")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "port").write_text("9000\n")
    verify_port_file(tmp_path / "port")
    assert (tmp_path / "port").read_text() == "9000\n"


def test_a_port_file_in_no_folder_is_refused_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="set LEADSCORE_HTTP_PORT_FILE to a file in a folder"):
        verify_port_file(tmp_path / "missing" / "port")


async def test_the_port_is_written_to_its_file(tmp_path: Path, probe: type[FakeProbe]) -> None:
    started = monitor(http_port_file=tmp_path / "port")
    await started.start()
    try:
        assert int((tmp_path / "port").read_text()) == started._server.port
    finally:
        await started.stop()
    assert started._probe.is_closed  # type: ignore[attr-defined]


async def test_a_worker_is_ready_while_kafka_answers(
    probe: type[FakeProbe], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    probe.reason = "Kafka at nowhere does not answer"
    started = monitor()
    await started.start()
    try:
        await until(lambda: "Kafka at nowhere does not answer" in caplog.text)
        assert not started.health.ready()[0]
        probe.reason = None
        await until(lambda: started.health.ready()[0])
        await until(lambda: any(r.getMessage() == "ready" for r in caplog.records))
        probe.reason = "Kafka at nowhere does not answer"
        await until(lambda: not started.health.ready()[0])
        await until(lambda: any(r.getMessage() == "not ready" for r in caplog.records))
    finally:
        await started.stop()
    [line] = [r for r in caplog.records if r.getMessage() == "not ready"]
    assert line.reasons == ["Kafka at nowhere does not answer"]  # type: ignore[attr-defined]


def test_readiness_needs_kafka_besides_the_conditions_of_the_role() -> None:
    given = Monitor(load_settings(), (Condition.RECOVERED,))
    conditions = given.health.ready()[1]["conditions"]
    assert set(conditions) == {Condition.RECOVERED, Condition.BROKER_REACHED}


def test_before_a_model_is_loaded_there_is_no_description() -> None:
    assert monitor().model_info() is None
