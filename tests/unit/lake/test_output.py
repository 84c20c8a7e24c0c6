"""The output folder: files appear whole or not at all, and are never replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from lake.output import OutputFolder
from schemas.errors import StartupError


@pytest.fixture(params=["disk", "memory"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path / "out")
        return
    name = f"memory://out-{tmp_path.name}"
    yield name
    files, path = fsspec.url_to_fs(name)
    if files.exists(path):
        files.rm(path, recursive=True)


@pytest.fixture
def out(location: str) -> OutputFolder:
    return OutputFolder(location)


def publish(out: OutputFolder, name: str, content: bytes) -> str:
    with out.scratch() as folder:
        file = folder / "file"
        file.write_bytes(content)
        return out.publish(file, name).sha256


def test_a_file_is_created_once(out: OutputFolder) -> None:
    assert out.read("a/b.json") is None
    assert out.create("a/b.json", b"1")
    assert not out.create("a/b.json", b"2")
    assert out.read("a/b.json") == b"1"
    assert out.names("a") == {"b.json"}
    assert out.names("c") == set()


def test_publishing_the_same_file_again_changes_nothing(out: OutputFolder) -> None:
    first = publish(out, "part.parquet", b"scores")
    assert publish(out, "part.parquet", b"scores") == first
    assert out.read("part.parquet") == b"scores"


def test_another_file_in_its_place_is_never_replaced(out: OutputFolder) -> None:
    out.create("part.parquet", b"somebody else's")
    with pytest.raises(StartupError, match="another file: remove it"):
        publish(out, "part.parquet", b"scores")
    assert out.read("part.parquet") == b"somebody else's"


def test_a_copy_that_was_cut_off_is_finished_in_a_store_that_shows_it(tmp_path: Path) -> None:
    out = OutputFolder(f"memory://cut-{tmp_path.name}")
    out.create("part.parquet", b"sco")
    publish(out, "part.parquet", b"scores")
    assert out.read("part.parquet") == b"scores"


def test_a_start_of_the_file_on_a_disk_is_somebody_else_s(tmp_path: Path) -> None:
    out = OutputFolder(str(tmp_path))
    (tmp_path / "part.parquet").write_bytes(b"sco")
    with pytest.raises(StartupError, match="another file"):
        publish(out, "part.parquet", b"scores")


def test_one_of_many_at_once_creates_a_file(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    created = []

    def create(number: int) -> None:
        out = OutputFolder(str(tmp_path / "out"))
        start.wait()
        if out.create("plan.json", b"%d" % number):
            created.append(b"%d" % number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert created == [(tmp_path / "out" / "plan.json").read_bytes()]


def test_scratch_is_empty_afterwards(tmp_path: Path) -> None:
    out = OutputFolder(str(tmp_path))
    with out.scratch() as folder:
        (folder / "half").write_bytes(b"")
    assert list((tmp_path / "_temporary").iterdir()) == []
    (tmp_path / "_temporary" / "of-a-killed-process").mkdir()
    out.clear_scratch()
    assert not (tmp_path / "_temporary").exists()


def test_a_folder_is_unused_until_it_has_a_file_that_readers_see(out: OutputFolder) -> None:
    assert out.is_unused()
    out.create("_manifest/plan.json", b"{}")
    assert out.is_unused()
    out.create("part.parquet", b"")
    assert not out.is_unused()
