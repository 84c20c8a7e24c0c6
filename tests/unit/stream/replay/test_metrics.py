"""Metrics of a replay: what is done and left, in a file or on a port."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from schemas.errors import InputError
from stream.replay.account import Account
from stream.replay.metrics import ReplayExposition
from stream.replay.ranges import PartitionRange
from stream.replay.runner import Progress
from stream.replay.throttle import Throttle

PROGRESS = [
    Progress(PartitionRange(0, 10, 50), 30, Account(scored=15, filtered=5)),
    Progress(PartitionRange(1, 0, 8), 8, Account(scored=6, expired=2)),
]


def throttle(yields_to: str | None = None) -> Throttle:
    made = Throttle(lag_limit=1, latency_limit_ms=1.0)
    made.yields_to = yields_to
    return made


def values(file: Path) -> dict[str, float]:
    return {
        sample.labels.get("outcome", sample.name): sample.value
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
    }


def test_the_file_has_the_sum_of_all_ranges_and_what_remains(tmp_path: Path) -> None:
    file = tmp_path / "replay.prom"
    ReplayExposition(file).show(PROGRESS, throttle())
    found = values(file)
    assert (found["scored"], found["filtered"], found["expired"]) == (21, 5, 2)
    assert found["leadscore_replay_remaining_offsets"] == 20
    assert found["leadscore_replay_yields"] == 0


def test_a_replay_that_is_slowed_down_says_so(tmp_path: Path) -> None:
    file = tmp_path / "replay.prom"
    exposition = ReplayExposition(file)
    exposition.show(PROGRESS, throttle("lag 5,000"))
    assert values(file)["leadscore_replay_yields"] == 1
    exposition.show(PROGRESS, throttle())
    assert values(file)["leadscore_replay_yields"] == 0


def test_a_folder_that_is_missing_is_refused_before_anything_is_scored(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--textfile"):
        ReplayExposition(tmp_path / "none" / "replay.prom")


def test_a_file_that_cannot_be_written_does_not_end_the_replay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    exposition = ReplayExposition(folder / "replay.prom")
    folder.rmdir()
    exposition.show(PROGRESS, throttle())
    [logged] = caplog.records
    assert logged.levelno == logging.ERROR
    assert "could not be written" in logged.getMessage()


async def test_the_port_shows_the_metrics_while_it_is_open() -> None:
    exposition = ReplayExposition(None)
    exposition.show(PROGRESS, throttle())
    async with exposition.server("127.0.0.1", 0) as server, ClientSession() as client:
        answer = await client.get(f"http://127.0.0.1:{server.port}/metrics")
        assert "leadscore_replay_remaining_offsets 20.0" in await answer.text()
