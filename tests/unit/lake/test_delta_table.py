"""Files of a Delta table: of one version, with the partitions of its log."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lake.delta_table import find_delta_files, is_delta_table
from schemas.errors import InputError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two versions: the second has one more file."""
    place = tmp_path / "table"
    rows = pa.table({"n": [1, 2, 3], "source": ["Trade fair/1", "web", None]})
    write_deltalake(place, rows, partition_by=["source"])
    write_deltalake(place, pa.table({"n": [4], "source": ["web"]}), mode="append")
    return place


def test_a_folder_with_a_log_is_a_table(table: Path, tmp_path: Path) -> None:
    assert is_delta_table(str(table))
    assert not is_delta_table(str(tmp_path))
    assert not is_delta_table(str(tmp_path / "*.parquet"))


def test_the_files_of_each_version(table: Path) -> None:
    latest = find_delta_files(str(table), None)
    assert (latest.version, len(latest.files)) == (1, 4)
    first = find_delta_files(str(table), 0)
    assert (first.version, len(first.files)) == (0, 3)
    assert {file.url for file in first.files} < {file.url for file in latest.files}
    for file in latest.files:
        assert Path(file.url.removeprefix("file://")).stat().st_size == file.size


def test_partitions_are_those_of_the_log_whatever_the_paths_are(table: Path) -> None:
    found = find_delta_files(str(table), 0).files
    assert {file.partitions["source"] for file in found} == {"Trade fair/1", "web", None}


def test_partitions_of_other_types_are_text(tmp_path: Path) -> None:
    rows = pa.table({"n": [1], "day": [date(2026, 5, 31)], "won": [True], "year": [2026]})
    write_deltalake(tmp_path / "t", rows, partition_by=["day", "won", "year"])
    [file] = find_delta_files(str(tmp_path / "t"), None).files
    assert file.partitions == {"day": "2026-05-31", "won": "true", "year": "2026"}


def test_a_version_that_is_not_there_is_refused(table: Path) -> None:
    with pytest.raises(InputError, match="no version 7: the latest one is 1"):
        find_delta_files(str(table), 7)


@pytest.mark.parametrize(
    ("features", "mapping", "named"),
    [
        (["deletionVectors", "timestampNtz"], "none", "deletionVectors"),
        (None, "name", "columnMapping"),
    ],
)
def test_a_table_whose_rows_are_not_those_of_its_files_is_refused(
    table: Path,
    monkeypatch: pytest.MonkeyPatch,
    features: list[str] | None,
    mapping: str,
    named: str,
) -> None:
    protocol = SimpleNamespace(reader_features=features)
    metadata = SimpleNamespace(configuration={"delta.columnMapping.mode": mapping})
    monkeypatch.setattr(DeltaTable, "protocol", lambda _: protocol)
    monkeypatch.setattr(DeltaTable, "metadata", lambda _: metadata)
    with pytest.raises(InputError, match=f"the features {named}: remove them"):
        find_delta_files(str(table), None)


def test_a_package_that_is_missing_is_named(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(InputError, match=r"pip install 'leadscore\[lake\]'"):
        find_delta_files(str(table), None)
