"""The app: what it starts and what it leaves alone; what is wired; an unusable setting."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stream import app as app_module
from stream.app import create_app
from stream.consume.batch_channel import BatchChannel
from stream.faust_app import App
from stream.monitor import Monitor
from stream.roles.score import ScoringRole
from stream.settings import load_settings
from stream.topology import ROLES
from stream.worker import Worker

pytestmark = pytest.mark.usefixtures("current_loop")


@pytest.fixture
def app() -> App:
    app = create_app(
        load_settings(group_id="the-group", kafka_bootstrap_servers="one:9092,two:9092")
    )
    app.finalize()
    return app


def test_it_runs_neither_fausts_consumer_nor_its_producer_nor_its_web(app: App) -> None:
    names = {type(service).__name__ for service in app.boot_strategy.server()}
    assert names == {"AgentManager"}


def test_fausts_own_group_is_not_that_of_the_batch_source(app: App) -> None:
    assert app.conf.id == "the-group-drift"
    assert [str(url) for url in app.conf.broker] == ["kafka://one:9092", "kafka://two:9092"]


def test_faust_worker_runs_our_worker(app: App) -> None:
    assert app.conf.Worker is Worker


def test_the_score_agent_reads_the_sources_channel(app: App) -> None:
    [agent] = app.agents.values()
    assert agent.name.endswith("score")
    assert isinstance(agent.channel, BatchChannel)


def test_making_it_leaves_nothing_on_the_disk(app: App, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    create_app(load_settings()).finalize()
    app._create_directories()
    assert list(tmp_path.iterdir()) == []


def test_the_settings_reach_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ScoringRole] = []

    def wire(app: App) -> None:
        made.append(ScoringRole(app, Monitor(app.settings, ROLES["score"].ready)))

    monkeypatch.setattr(app_module, "wire", wire)
    create_app(
        load_settings(
            topic_prefix="staging.",
            batch_max_records=7,
            batches_in_flight=3,
            fetch_linger_ms=9,
            stop_timeout_seconds=20,
            delivery_timeout_seconds=33,
        )
    )
    [role] = made
    options = role.source.options
    assert role.source.topic == "staging.leads.created"
    assert (options.max_records, options.linger) == (7, 0.009)
    assert role.pipeline.in_flight == 3
    assert options.stop_limit < 20
    assert role.emitter.options.delivery_limit == 33
    assert role.emitter.limits.max_bytes("staging.leads.scored")
    assert role.emitter.limits.max_bytes("staging.leads.created.dlq")


async def test_it_logs_its_settings_masked_and_names_what_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[object] = []

    async def fit(settings: object, *_: object) -> None:
        asked.append(settings)

    monkeypatch.setattr(app_module, "verify", fit)
    monkeypatch.setenv("LEADSCORE_MODLE", "bank")
    settings = load_settings(
        security_protocol="SASL_SSL", sasl_username="ann", sasl_password="hush-hush"
    )
    with caplog.at_level(logging.INFO):
        await create_app(settings).verify()
    assert asked == [settings]
    shown, warned = caplog.records[-2:]
    assert shown.settings["sasl_username"] == "ann"  # type: ignore[attr-defined]
    assert "hush-hush" not in str(vars(shown))
    assert warned.getMessage().startswith("LEADSCORE_MODLE is not a setting of LeadScore")
    assert "LEADSCORE_MODEL (" in warned.getMessage()


def test_an_unusable_setting_is_a_sentence_and_exit_code_3() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "stream", "worker"],
        env={**os.environ, "LEADSCORE_HTTP_PORT": "many"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 3
    assert run.stderr.startswith("Error: invalid settings: LEADSCORE_HTTP_PORT is 'many': ")
    assert len(run.stderr.splitlines()) == 1


SHOW_LOOP = """
from stream import app
app.Worker.execute_from_commandline = lambda worker: print(type(worker.loop).__module__)
app.run()
"""


@pytest.mark.parametrize(
    ("uvloop", "module"), [("true", "stream.process.event_loop"), ("false", "asyncio.unix_events")]
)
def test_building_the_app_makes_no_loop_before_its_kind_is_set(uvloop: str, module: str) -> None:
    pytest.importorskip("uvloop")
    shown = subprocess.run(
        [sys.executable, "-c", SHOW_LOOP],
        env={**os.environ, "LEADSCORE_UVLOOP": uvloop},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == module
