"""The sink of JSON lines: conformance, rotation, compression, the fields of a line."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import orjson
import pytest

from schemas.errors import StartupError
from stream.settings import load_settings
from stream.sinks.json_line_file import lines_of
from stream.sinks.jsonl import JsonLinesSink, make_sink, score_line
from stream.sinks.sink import SinkBatch, SinkRecord, WriteResult
from testing.sink_writer import LOG, record
from tests.sink_conformance import Check, Row, Stage, batch, each_check, killed, written


class Files(Stage):
    """A folder of files that are rotated often."""

    keeps_latest = False

    def __init__(self, folder: Path, compression: str = "gzip") -> None:
        self.folder = folder
        self.environment: Mapping[str, str] = {
            "LEADSCORE_SINK": "jsonl",
            "LEADSCORE_SINK_TO": str(folder),
            "LEADSCORE_SINK_ROTATE_MB": "1",
            "LEADSCORE_SINK_COMPRESSION": compression,
        }

    def sink(self) -> JsonLinesSink:
        return make_sink(
            load_settings(
                **{
                    name.removeprefix("LEADSCORE_").lower(): value
                    for name, value in self.environment.items()
                }
            )
        )

    def files(self) -> list[Path]:
        return sorted(at for at in self.folder.iterdir() if not at.name.startswith("."))

    async def rows(self) -> list[Row]:
        lines = [orjson.loads(line) for file in self.files() for line in lines_of(file)]
        return [Row(line["lead_id"], line["score"], line["offset"]) for line in lines]

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        else:
            away.mkdir()
        self.folder.write_text("a file where the folder was")
        try:
            yield
        finally:
            self.folder.unlink()
            away.rename(self.folder)

    def refused(self, offset: int) -> SinkRecord:
        return replace(record(offset), event={**record(offset).event, "scored_at": 10**18})


@pytest.fixture
def stage(tmp_path: Path) -> Files:
    return Files(tmp_path / "scores")


@each_check
async def test_it_conforms(check: Check, stage: Files) -> None:
    await check(stage)


@pytest.mark.parametrize(
    "compression",
    [
        pytest.param("none", marks=pytest.mark.long),
        "gzip",
        pytest.param("zstd", marks=pytest.mark.long),
    ],
)
async def test_a_writer_that_is_killed_leaves_every_line_once(
    tmp_path: Path, compression: str
) -> None:
    stage = Files(tmp_path / "scores", compression)
    await killed(stage, records=6000, size=50, kills=2, chance=Random(7))
    assert len(stage.files()) > 1, "files were rotated"


async def test_a_line_that_is_not_complete_is_written_again(stage: Files) -> None:
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(0, 3))
    [file] = stage.files()
    content = file.read_bytes()
    file.write_bytes(content[:-20])  # killed in the middle of a write
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(0, 5))
    lines = [*lines_of(file)]
    assert b"".join(lines).startswith(content)
    assert [orjson.loads(line)["offset"] for line in lines] == [0, 1, 2, 3, 4]


async def test_a_file_without_a_complete_line_is_replaced(stage: Files) -> None:
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(0, 1))
    [file] = stage.files()
    file.write_bytes(file.read_bytes()[:10])
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(0, 2))
    assert [row.offset for row in await stage.rows()] == [0, 1]


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".gz"), ("zstd", ".zst")])
async def test_an_old_file_is_compressed_and_the_next_one_begun(
    tmp_path: Path, compression: str, suffix: str
) -> None:
    time = [0.0]
    stage = Files(tmp_path / "scores")
    sink = JsonLinesSink(
        stage.folder,
        "scores",
        rotate_seconds=60,
        compression=compression,  # type: ignore[arg-type]
        clock=lambda: time[0],
    )
    await sink.open()
    await written(sink, batch(0, 5))
    time[0] = 59
    await written(sink, batch(5, 8))
    time[0] = 60
    await written(sink, batch(8, 12))
    first, second = stage.files()
    assert first.name == f"leads.scored-0-9f2JkQ-{0:020d}.jsonl{suffix}"
    assert second.name == f"leads.scored-0-9f2JkQ-{8:020d}.jsonl"
    assert [row.offset for row in await stage.rows()] == list(range(12))


async def test_a_kill_between_the_compressed_file_and_the_plain_one_repeats_nothing(
    stage: Files,
) -> None:
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(0, 5))
    [file] = stage.files()
    shutil.copy(file, file.with_name(file.name + ".gz.part"))
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(0, 6))
    assert [row.offset for row in await stage.rows()] == list(range(6))


async def test_a_line_has_the_fields_of_a_prediction_log_first(stage: Files) -> None:
    sink = stage.sink()
    await sink.open()
    await written(sink, batch(42, 43))
    [file] = stage.files()
    [line] = lines_of(file)
    assert list(orjson.loads(line))[:7] == [
        *("timestamp", "request_id", "lead_id", "score", "category", "model_version"),
        "latency_ms",
    ]
    assert orjson.loads(line) | {"offset": 42, "topic": "leads.scored"} == orjson.loads(line)


def test_a_line_has_a_grade_if_the_scored_event_has_one() -> None:
    assert score_line(replace(record(0), grade="B2"))["grade"] == "B2"
    assert "grade" not in score_line(record(0))


async def test_a_lead_is_a_line_with_all_its_fields(tmp_path: Path) -> None:
    stage = Files(tmp_path / "leads")
    sink = JsonLinesSink(stage.folder, "leads")
    await sink.open()
    lead = SinkRecord(3, 1_790_000_000_000, "L-1", {"lead_id": "L-1", "age": 40, "raw": b"\xff"})
    [verdict] = await sink.write(SinkBatch(LOG, [lead]))
    assert verdict.outcome is WriteResult.WRITTEN
    [file] = stage.files()
    [line] = lines_of(file)
    assert orjson.loads(line) == {
        "timestamp": "2026-09-21T14:13:20+00:00",
        "lead_id": "L-1",
        "fields": {"lead_id": "L-1", "age": 40, "raw": "ff"},
        "topic": "leads.scored",
        "partition": 0,
        "offset": 3,
    }


def test_without_a_folder_it_is_not_made() -> None:
    with pytest.raises(StartupError, match="--to or LEADSCORE_SINK_TO"):
        make_sink(load_settings(sink="jsonl"))
