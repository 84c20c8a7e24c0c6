"""Files of a data set: folders, globs, partitions, hidden files."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from lake.files import find_files, partitions_in
from schemas.errors import InputError, StartupError


def put(folder: Path, *names: str) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * len(name))


def found(source: str | Path, root: Path) -> list[str]:
    return [file.url.partition(f"{root}/")[2] for file in find_files(str(source))]


def test_a_folder_is_read_with_all_below_it_except_hidden_files(tmp_path: Path) -> None:
    put(tmp_path, "b/2.parquet", "a.parquet", "_temporary/0.parquet", "b/.c.parquet.crc")
    put(tmp_path, "_SUCCESS", "_delta_log/0.json")
    assert found(tmp_path, tmp_path) == ["a.parquet", "b/2.parquet"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    put(tmp_path, "_old/a.parquet")
    assert found(tmp_path / "_old", tmp_path) == ["_old/a.parquet"]
    assert found(tmp_path / "_old" / "a.parquet", tmp_path) == ["_old/a.parquet"]


def test_a_glob(tmp_path: Path) -> None:
    put(tmp_path, "y=2025/a.parquet", "y=2026/a.parquet", "y=2026/m=5/b.parquet")
    assert found(tmp_path / "y=2026/*.parquet", tmp_path) == ["y=2026/a.parquet"]
    assert found(tmp_path / "y=202?/**/*.parquet", tmp_path) == [
        "y=2025/a.parquet",
        "y=2026/a.parquet",
        "y=2026/m=5/b.parquet",
    ]


def test_partitions_are_the_same_if_only_their_folder_is_named(tmp_path: Path) -> None:
    put(tmp_path, "country=DE/source=Trade%20fair/a.parquet")
    expected = {"country": "DE", "source": "Trade fair"}
    for source in (tmp_path, tmp_path / "country=DE", tmp_path / "*/*/*.parquet"):
        [file] = find_files(str(source))
        assert file.partitions == expected


def test_a_partition_without_a_value() -> None:
    path = "country=__HIVE_DEFAULT_PARTITION__/note=a=b/x=1.parquet"
    assert partitions_in(path) == {"country": None, "note": "a=b"}


def test_size_and_version_change_with_the_file(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet")
    [before] = find_files(str(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"other")
    [after] = find_files(str(tmp_path))
    assert (before.size, after.size) == (9, 5)
    assert before.version != after.version


def test_other_files_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", "b.csv", "c.txt", "d.xlsx")
    with pytest.raises(InputError, match=r"there are c\.txt and 1 more"):
        find_files(str(tmp_path))


def test_csv_and_json_are_files_of_a_data_set(tmp_path: Path) -> None:
    put(tmp_path, "a.parquet", "b.csv", "c.jsonl.gz")
    assert found(tmp_path, tmp_path) == ["a.parquet", "b.csv", "c.jsonl.gz"]


@pytest.mark.parametrize("name", ["", "missing", "missing/*.parquet", "missing.parquet"])
def test_nothing_to_read_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        find_files(str(tmp_path / name))


def test_any_store_of_fsspec(tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/find/a=1/x.parquet", b"1234")
    try:
        [file] = find_files("memory://find")
        assert (file.url, file.size, file.partitions) == (
            "memory:///find/a=1/x.parquet",
            4,
            {"a": "1"},
        )
    finally:
        files.rm("/find", recursive=True)


def test_a_store_that_nobody_knows() -> None:
    with pytest.raises(InputError, match="expected a store that fsspec knows"):
        find_files("nowhere://bucket/leads")


def test_a_store_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.isdir", fail)
    with pytest.raises(StartupError, match=r"ConnectionError: refused.*continues where it was"):
        find_files(str(tmp_path))
