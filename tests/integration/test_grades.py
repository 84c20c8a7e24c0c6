"""A lead's grade on real Kafka: the same over HTTP, in the header of its event, and in sinks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from deltalake import DeltaTable

from agents.lead_grades import grade_in
from model.bundle import Bundle
from stream.simulator.playing import Lead
from stream.sinks.json_line_file import lines_of
from tests.integration.sink_process import begin_sink, until_written
from tests.integration.test_serve import serving
from tests.integration.test_serve_to_kafka import client_of, environment_of, leads_of, until_ready
from tests.integration.worker_process import Stage, event_of

LEADS = 200
DAY_MS = 86_400_000
RULES = """
[fit]
least = [70, 40, 20]
points = [
    { field = "job", one_of = ["management", "retired", "admin."], points = 40 },
    { field = "age", at_least = 40, points = 40 },
]

[engagement]
least = [60, 30, 10]

[[engagement.points]]
field = "lead_id"
is_known = true
points = 80
decay = { since = "created_at", half_life_days = 5 }
"""


def by_event(rows: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return the grade of each event."""
    return {row["event_id"]: row["grade"] for row in rows}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_grade_is_the_same_over_http_in_the_header_and_in_sinks(
    stage: Stage, bank_model: Bundle, contacts: list[Lead], tmp_path: Path
) -> None:
    rules, files, table = (tmp_path / name for name in ("sales.toml", "files", "table"))
    rules.write_text(RULES)
    graded = {"LEADSCORE_GRADE_RULES": str(rules)}
    now_ms = round(time.time() * 1000)
    leads = [
        {**lead, "created_at": now_ms - at % 20 * DAY_MS}
        for at, lead in enumerate(leads_of(contacts, LEADS))
    ]
    worker = await stage.start(**graded)
    with serving(bank_model, **environment_of(stage), **graded) as (url, _):
        async with client_of(url) as client:
            await until_ready(client)
            answer = (await client.post("/predict-batch", json=leads)).json()
    assert answer["count"] == LEADS
    await stage.until_scored(LEADS)
    await worker.stop_cleanly()
    sinks = [
        begin_sink(stage, "jsonl", "--to", str(files)),
        begin_sink(stage, "delta", "--to", str(table), LEADSCORE_SINK_SECONDS="0.5"),
    ]
    for name in ("jsonl-scores", "delta-scores"):
        await until_written(stage, name)
    for sink in sinks:
        await sink.stop_cleanly()
    grades = {
        event_of(record.value)["event_id"]: grade_in(record.headers)
        for record in await stage.scored_records()
    }
    assert len(grades) == LEADS
    assert len(set(grades.values())) > 8
    assert by_event(answer["predictions"]) == grades
    lines = [orjson.loads(line) for file in files.glob("*.jsonl*") for line in lines_of(file)]
    assert by_event(lines) == grades
    assert by_event(DeltaTable(table).to_pyarrow_table().to_pylist()) == grades
