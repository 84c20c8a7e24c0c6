"""Data sets of the bank's contacts, and `leadscore score` over them as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from model.bundle import Bundle

CONTACTS = Path("data/bank_marketing/contacts.csv.gz")
ENDED_WITHIN = 300.0


def contacts_table() -> Any:
    """Return all contacts as typed columns."""
    options = pa.csv.ParseOptions(delimiter=";")
    return pa.csv.read_csv(CONTACTS, parse_options=options)


def write_partitioned(folder: Path, table: Any, by: str, group: int = 2_000) -> None:
    """Write a table as Hive does: a folder for each value of a column, which the files lack."""
    for value in pa.compute.unique(table.column(by)).to_pylist():
        part = table.filter(pa.compute.equal(table.column(by), value)).drop_columns([by])
        below = folder / f"{by}={value}"
        below.mkdir(parents=True)
        pa.parquet.write_table(part, below / "contacts.parquet", row_group_size=group)


def score_command(bundle: Bundle, *arguments: str | Path) -> list[str]:
    """Return the command `leadscore score` with a model."""
    given = [*map(str, arguments), "--model", bundle.location]
    return [sys.executable, "-m", "stream", "score", *given]


def run_score(
    bundle: Bundle, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `leadscore score` to its end."""
    return subprocess.run(
        score_command(bundle, *arguments),
        env=os.environ | dict(environment or {}),
        capture_output=True,
        text=True,
        timeout=ENDED_WITHIN,
        check=False,
    )


def expected_scores(bundle: Bundle, table: Any, folder: Path) -> dict[str, Any]:
    """Return the scores of a table by `leadscore score FILE`, by lead."""
    file = folder / "expected.parquet"
    pa.parquet.write_table(table, file)
    result = run_score(bundle, file, "--format", "jsonl")
    assert result.returncode == 0, result.stderr
    rows = (json.loads(line) for line in result.stdout.splitlines())
    return {row["lead_id"]: row for row in rows}


def by_lead(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return rows by lead; no lead is there twice."""
    listed = [*rows]
    found = {row["lead_id"]: row for row in listed}
    assert len(found) == len(listed), "a lead is there more than once"
    return found
