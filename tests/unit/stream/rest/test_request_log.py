"""Lines of requests and predictions: ids only unless a setting says otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream.rest import request_log as module
from stream.rest.line_files import LineFiles
from stream.rest.request_log import Content, RequestLog

PREDICTION = {
    "prediction_timestamp": "2026-01-01T00:00:00.000+00:00",
    "request_id": "r-1",
    "lead_id": "a",
    "score": 0.25,
    "category": "Low",
    "model_version": "3",
    "latency_ms": 1.5,
    "event_id": "e-1",
    "model_id": "leads",
    "reasons": [{"feature": "age"}],
}
LEAD = {"lead_id": "a", "email": "ann@example.com"}


def log_in(folder: Path, content: Content = "ids", dropped: list[int] | None = None) -> RequestLog:
    def files(stem: str) -> LineFiles:
        return LineFiles(
            folder, stem, rotate_bytes=1 << 20, rotate_seconds=3600.0, compression="none"
        )

    counts = [] if dropped is None else dropped
    return RequestLog(files("requests"), files("predictions"), content, counts.append)


def lines(folder: Path, stem: str) -> list[dict[str, Any]]:
    [file] = folder.glob(f"{stem}-*.jsonl")
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def add(log: RequestLog, leads: Sequence[Any]) -> None:
    log.add_request(
        request_id="r-1", path="/score-lead", status=200, latency_ms=1.23456, leads=leads
    )
    log.add_predictions([PREDICTION])


async def test_lines_have_ids_and_outcomes_alone(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    add(log, [LEAD])
    await log.write()
    [request], [prediction] = lines(tmp_path, "requests"), lines(tmp_path, "predictions")
    del request["timestamp"]
    assert request == {
        "request_id": "r-1",
        "path": "/score-lead",
        "status": 200,
        "latency_ms": 1.235,
        "lead_ids": ["a"],
    }
    assert [*prediction] == [
        *("timestamp", "request_id", "lead_id", "score", "category", "model_version"),
        *("latency_ms", "event_id", "model_id"),
    ]


async def test_with_all_content_they_have_fields_and_reasons(tmp_path: Path) -> None:
    log = log_in(tmp_path, "all")
    add(log, [LEAD])
    await log.write()
    assert lines(tmp_path, "requests")[0]["leads"] == [LEAD]
    assert lines(tmp_path, "predictions")[0]["reasons"] == PREDICTION["reasons"]


async def test_a_request_by_id_has_the_ids(tmp_path: Path) -> None:
    log = log_in(tmp_path, "all")
    add(log, ["a", "b"])
    add(log, [{"lead_id": 7}, {}])
    await log.write()
    first, second = lines(tmp_path, "requests")
    assert (first["lead_ids"], "leads" in first) == (["a", "b"], False)
    assert second["lead_ids"] == [None, None]


async def test_lines_that_the_disk_does_not_take_are_counted_and_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dropped: list[int] = []
    log = log_in(tmp_path / "none" / "log", dropped=dropped)
    for _ in range(2):
        add(log, [LEAD])
        await log.write()
    assert sum(dropped) == 4
    assert len([at for at in caplog.records if "can't be written" in at.message]) == 1


async def test_lines_that_wait_for_the_disk_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    dropped: list[int] = []
    log = log_in(tmp_path, dropped=dropped)
    add(log, [LEAD])
    assert dropped == [1]
    await log.write()
    assert len(lines(tmp_path, "requests")) == 1
