"""`leadscore score --out` on real stores: partitions, S3, Delta tables, kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from deltalake import DeltaTable, write_deltalake

from model.bundle import Bundle
from tests.integration.lake_data import (
    by_lead,
    contacts_table,
    expected_scores,
    run_score,
    score_command,
    write_partitioned,
)
from tests.integration.s3_server import S3, s3_server

KILLED_WITHIN = 120.0


@pytest.fixture(scope="module")
def table() -> Any:
    """Every sixth contact."""
    contacts = contacts_table()
    return contacts.take(pa.array(range(0, contacts.num_rows, 6)))


@pytest.fixture(scope="module")
def expected(
    bank_model: Bundle, table: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Scores of a file by `leadscore score FILE`."""
    return expected_scores(bank_model, table, tmp_path_factory.mktemp("expected"))


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.files.mkdir("lake")
        yield server


def rows_in(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("part-*.parquet"))
    return [row for file in files for row in pa.parquet.read_table(file).to_pylist()]


def scores_in(folder: Path) -> dict[str, Any]:
    return by_lead(rows_in(folder))


def scores_in_s3(s3: S3, folder: str) -> dict[str, Any]:
    return by_lead(
        row
        for name in s3.files.glob(f"{folder}/part-*.parquet")
        for row in pa.parquet.read_table(s3.files.open(name, "rb")).to_pylist()
    )


def test_a_partitioned_data_set_has_the_scores_of_leadscore_score(
    bank_model: Bundle, table: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    """The model reads the column that stands in the paths alone."""
    write_partitioned(tmp_path / "in", table, "marital")
    result = run_score(
        bank_model, tmp_path / "in", "--out", tmp_path / "out", "--rows-per-file", "3000",
        "--workers", "2", "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert scores_in(tmp_path / "out") == expected
    account = json.loads(result.stdout.splitlines()[-1])
    assert account["rows"] == account["scored"] == len(expected)


@pytest.mark.long
def test_s3_to_s3_killed_and_resumed(
    bank_model: Bundle, table: Any, expected: dict[str, Any], tmp_path: Path, s3: S3
) -> None:
    write_partitioned(tmp_path / "in", table, "marital", group=100)
    s3.files.put(str(tmp_path / "in"), "lake/contacts", recursive=True)
    given = (
        "s3://lake/contacts/**/*.parquet",
        "--out",
        "s3://lake/scores",
        "--rows-per-file",
        "500",
    )
    environment = os.environ | s3.environment
    with subprocess.Popen(
        score_command(bank_model, *given, "--workers", "2", "--json"),
        env=environment,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "part":
                break
        os.killpg(process.pid, signal.SIGKILL)
    written = {name: s3.files.info(name)["ETag"] for name in s3.files.glob("lake/scores/part-*")}
    assert written
    assert not s3.files.exists("lake/scores/_manifest/account.json")

    result = run_score(bank_model, *given, "--workers", "1", environment=s3.environment)
    assert result.returncode == 0, result.stderr
    assert scores_in_s3(s3, "lake/scores") == expected
    assert all(s3.files.info(name)["ETag"] == tag for name, tag in written.items())
    account = json.loads(s3.files.cat_file("lake/scores/_manifest/account.json"))
    assert account["rows"] == account["scored"] == len(expected)


def test_a_file_in_s3_is_never_replaced(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a conditional request: the store refuses, not a look before."""
    from lake.output import OutputFolder

    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    out = OutputFolder("s3://lake/once")
    monkeypatch.setattr(type(out._files), "exists", lambda *_: False)
    assert out.create("plan.json", b"first")
    assert not out.create("plan.json", b"second")
    assert out.read("plan.json") == b"first"


@pytest.mark.long
def test_a_delta_table_is_read_at_the_version_of_the_plan(
    bank_model: Bundle, table: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    place = tmp_path / "table"
    write_deltalake(place, table.slice(0, 2_000), partition_by=["marital"])
    write_deltalake(place, table.slice(2_000), mode="append")
    DeltaTable(place).delete("campaign > 0")  # nothing is left at version 2
    given = (place, "--rows-per-file", "1000", "--out")
    result = run_score(bank_model, *given, tmp_path / "out", "--delta-version", "1")
    assert result.returncode == 0, result.stderr
    assert scores_in(tmp_path / "out") == expected
    plan = json.loads((tmp_path / "out" / "_manifest" / "plan.json").read_bytes())
    assert plan["delta_versions"] == {str(place): 1}

    latest = run_score(bank_model, *given, tmp_path / "latest")
    assert latest.returncode == 2
    assert "expected rows, but there are none" in latest.stderr


def test_a_delta_table_in_s3(
    bank_model: Bundle, table: Any, expected: dict[str, Any], s3: S3, tmp_path: Path
) -> None:
    """In the order of its files: the writer of Delta does not keep that of the rows."""
    storage = s3.environment | {"AWS_S3_ALLOW_UNSAFE_RENAME": "true"}
    write_deltalake("s3://lake/table", table, storage_options=storage)
    write_deltalake("s3://lake/table", table, mode="overwrite", storage_options=storage)
    result = run_score(
        bank_model, "s3://lake/table", "--out", tmp_path / "out", environment=s3.environment
    )
    assert result.returncode == 0, result.stderr
    assert scores_in(tmp_path / "out") == expected
    files = sorted(DeltaTable("s3://lake/table", storage_options=storage).file_uris())
    ids = [
        lead_id
        for file in files
        for lead_id in pa.parquet.read_table(s3.files.open(file), columns=["lead_id"])["lead_id"]
    ]
    assert [row["lead_id"] for row in rows_in(tmp_path / "out")] == [*map(str, ids)]


@pytest.mark.long
def test_ctrl_c_ends_with_130_and_the_same_command_continues(
    bank_model: Bundle, table: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    write_partitioned(tmp_path / "in", table, "marital", group=100)
    given = (tmp_path / "in", "--out", tmp_path / "out", "--rows-per-file", "100")
    with subprocess.Popen(
        score_command(bank_model, *given, "--workers", "2", "--json"), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "part":
                break
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(KILLED_WITHIN) == 130
    assert run_score(bank_model, *given, "--workers", "1").returncode == 0
    assert scores_in(tmp_path / "out") == expected
    assert not (tmp_path / "out" / "_temporary").exists()
