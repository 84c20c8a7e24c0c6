"""Delta tables of the sink `delta`, read by Spark with Delta's own connector."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest

from testing.maven_jars import DELTA_SPARK, fetch_jars
from testing.scored_events import SCORED_AT
from tests.integration.spark_cluster import local_spark
from tests.sink_conformance import killed
from tests.unit.stream.sinks.test_delta import LocalTable

JOB = Path("tests/integration/spark_delta_job.py")
RECORDS = 2000
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@pytest.mark.long
@pytest.mark.timeout(1800)  # the first run installs pyspark, 450 MB, and fetches 13 MB of jars
async def test_spark_reads_every_record_once_after_kills_and_compactions(tmp_path: Path) -> None:
    stage = LocalTable(tmp_path / "scores", LEADSCORE_SINK_COMPACT_COMMITS="5")
    await killed(stage, records=RECORDS, size=100, kills=2, chance=Random(11))
    jars = ",".join(map(str, fetch_jars(DELTA_SPARK).glob("*.jar")))
    result = local_spark(tmp_path).run(JOB, stage.folder, jars)
    assert result.returncode == 0, result.stderr[-3000:]
    rows = sorted(
        map(orjson.loads, result.stdout.splitlines()), key=lambda row: row["kafka_offset"]
    )
    assert [row["kafka_offset"] for row in rows] == list(range(RECORDS))
    for row in (rows[0], rows[-1]):
        at = row["kafka_offset"]
        assert row["score"] == (at % 100) / 100
        assert row["reasons"] == [{"feature": "age", "value": "over 40", "contribution": 0.25}]
        scored_at = datetime.fromisoformat(row["scored_at"])
        assert scored_at == EPOCH + timedelta(milliseconds=SCORED_AT + at)
