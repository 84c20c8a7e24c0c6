"""The adapter for Spark on a real cluster: a standalone master and two workers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from model.bundle import Bundle
from tests.integration.lake_data import (
    by_lead,
    contacts_table,
    expected_scores,
    write_partitioned,
)
from tests.integration.spark_cluster import WORKERS, spark_cluster

JOB = Path("tests/integration/spark_job.py")
BROKEN = 7


@pytest.mark.long
@pytest.mark.timeout(1800)  # the first run installs pyspark, 450 MB
def test_two_executors_give_the_scores_of_leadscore_score_to_the_bit(
    bank_model: Bundle, tmp_path: Path
) -> None:
    """Partition columns, typed times and a session in another time zone included."""
    contacts = contacts_table()
    table = contacts.take(pa.array(range(0, contacts.num_rows, 15)))
    expected = expected_scores(bank_model, table, tmp_path)
    broken = table.column("lead_id")[BROKEN].as_py()
    times = table.column("created_at").to_pylist()
    times[BROKEN] = times[BROKEN].replace(year=1970)
    at = table.schema.get_field_index("created_at")
    table = table.set_column(at, "created_at", pa.array(times, type=pa.timestamp("us", "UTC")))
    write_partitioned(tmp_path / "in", table, "marital")

    with spark_cluster(tmp_path) as spark:
        result = spark.run(JOB, tmp_path / "in", tmp_path / "out", bank_model.location)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == str(WORKERS)

    files = (tmp_path / "out").glob("*.parquet")
    rows = by_lead(row for file in files for row in pa.parquet.read_table(file).to_pylist())
    assert rows.keys() == expected.keys()
    rejected = rows.pop(broken)
    assert (rejected["score"], rejected["error_code"]) == (None, "TIME")
    names = next(iter(expected.values())).keys()
    assert {lead: {name: row[name] for name in names} for lead, row in rows.items()} == {
        lead: row for lead, row in expected.items() if lead != broken
    }
    assert {row["marital"] for row in rows.values()} == {*table.column("marital").to_pylist()}
