"""The Faust app: which of Faust's services run in a role, its credentials, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import faust
import pytest
from faust.transport.producer import ProducerBuffer

from schemas.errors import FatalError, StartupError
from stream import faust_app as module
from stream.faust_app import App
from stream.settings import load_settings


class Producer:
    """Faust's producer; a crash has ended its buffer if asked."""

    def __init__(self, *, is_running: bool) -> None:
        self.is_running = is_running
        self.flushes = 0
        self.buffer = ProducerBuffer()

    async def flush(self) -> None:
        if not self.is_running:
            raise RuntimeError("Cannot flush: Producer not Running")
        self.flushes += 1


async def _no_checks(_: App) -> None:
    """It would ask Kafka."""


def app_with(producer: Producer) -> Any:
    app: Any = App(load_settings(role="drift"), _no_checks)
    app._producer = producer
    producer.buffer.app = app
    return app


async def test_a_stop_flushes_the_producer() -> None:
    producer = Producer(is_running=True)
    await app_with(producer)._producer_flush(logging.getLogger(__name__))
    assert producer.flushes == 1


async def test_a_stop_after_a_crash_does_not_flush_a_buffer_that_the_crash_ended() -> None:
    """Seen on a secured broker: a traceback beside the sentence that names the missing right."""
    app = app_with(Producer(is_running=False))
    await faust.App.crash(app, RuntimeError("stopped"))
    app._producer.buffer.put(None)
    app._producer.buffer._crash(RuntimeError("stopped"))
    await app._producer_flush(logging.getLogger(__name__))
    assert app.crashed
    await app._producer.buffer.stop()


def test_faust_still_flushes_by_the_method_that_is_replaced() -> None:
    assert callable(getattr(faust.App, "_producer_flush", None))


@pytest.mark.parametrize("role", ["score", "drift"])
def test_no_role_starts_a_web_server(role: Any) -> None:
    app = App(load_settings(role=role), _no_checks)
    assert not app.BootStrategy.enable_web


def app_of(checks: Any = _no_checks, **settings: Any) -> App:
    return App(load_settings(**settings), checks)


@pytest.mark.parametrize(("role", "consumes"), [("score", False), ("drift", True), ("all", True)])
async def test_only_roles_with_topic_agents_start_fausts_clients(role: Any, consumes: bool) -> None:
    strategy = app_of(role=role).BootStrategy
    assert (strategy.enable_kafka_consumer is not False) is consumes
    assert (strategy.enable_kafka_producer is not False) is consumes
    assert strategy.enable_web is False


async def test_settings_reach_faust() -> None:
    conf = app_of(group_id="g", session_timeout_ms=9000, commit_interval_seconds=2.5).conf
    assert (conf.id, conf.broker_session_timeout, conf.broker_commit_interval) == (
        "g-drift",
        9,
        2.5,
    )
    assert conf.broker_heartbeat_interval == pytest.approx(2.7)
    assert not conf.topic_allow_declare


async def test_without_security_there_are_no_credentials() -> None:
    assert app_of().conf.broker_credentials is None


async def test_a_login_is_passed_on() -> None:
    login = {"sasl_username": "ann", "sasl_password": "hush", "sasl_mechanism": "SCRAM-SHA-256"}
    credentials = app_of(security_protocol="SASL_PLAINTEXT", **login).conf.broker_credentials
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password) == ("ann", "hush")
    assert credentials.mechanism.value == "SCRAM-SHA-256"


async def test_tls_without_a_login_has_a_context() -> None:
    credentials = app_of(security_protocol="SSL").conf.broker_credentials
    assert isinstance(credentials, faust.SSLCredentials)
    assert credentials.context is not None


async def test_the_checks_run_with_the_app_and_their_error_is_raised() -> None:
    checked: list[App] = []

    async def check(app: App) -> None:
        checked.append(app)
        raise StartupError("expected a topic")

    app = app_of(check)
    with pytest.raises(StartupError, match="expected a topic"):
        await app.verify()
    assert checked == [app]


async def test_the_first_error_is_determined_once_and_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[BaseException] = []

    async def crash_reason(error: BaseException, _: object) -> BaseException:
        asked.append(error)
        return FatalError("expected Kafka to answer")

    monkeypatch.setattr(module, "crash_reason", crash_reason)
    monkeypatch.setattr(logging.getLogger("faust"), "propagate", False)
    app, first = app_of(), RuntimeError("first")
    await asyncio.gather(app.crash(first), app.crash(RuntimeError("second")))
    assert asked == [first]
    assert str(app.stopped_for) == "expected Kafka to answer"
    assert [r.getMessage() for r in caplog.records if r.levelname == "CRITICAL"] == [
        "stopped: expected Kafka to answer"
    ]
