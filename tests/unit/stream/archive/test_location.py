"""Where the files of an archive are: on a disk or in a store, with the same ranges and errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from schemas.errors import InputError, StartupError
from stream.archive import location as module
from stream.archive.location import ArchiveLocation, location_of_plan
from testing.archives import archive_file, record_at

STORE = "memory://archives/leads"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    archive_file(tmp_path, "leads", 0, [record_at(0), record_at(1)])
    archive_file(tmp_path, "leads", 10, [record_at(7)], (5, 9))
    (tmp_path / "leads" / "notes").mkdir()
    (tmp_path / "leads" / "0" / f"{2:020d}.tmp").touch()
    return tmp_path


@pytest.fixture
def places(disk: Path) -> Iterator[list[str]]:
    """An archive on a disk, and its copy in a store."""
    files = fsspec.filesystem("memory")
    files.put(f"{disk}/", STORE, recursive=True)
    yield [str(disk), STORE]
    files.rm("/archives", recursive=True)


def test_an_archive_has_the_same_files_on_a_disk_and_in_a_store(places: list[str]) -> None:
    for place in places:
        location = ArchiveLocation(place)
        assert location.partitions("leads") == [0, 10]
        assert [(file.start, file.end) for file in location.files("leads", 0)] == [(0, 2)]
        [file] = location.files("leads", 10)
        assert (file.start, file.end) == (5, 9)
        assert location.url(file) == f"{place}/leads/10/{5:020d}-{8:020d}.parquet".replace(
            "memory://", "memory:///"
        )
        assert location.files("leads", 3) == []


def test_a_topic_that_is_not_in_the_archive_is_an_error(places: list[str]) -> None:
    for place in places:
        with pytest.raises(InputError, match="expected an archive of other in"):
            ArchiveLocation(place).partitions("other")


def test_a_file_in_place_of_the_folder_is_an_error(disk: Path) -> None:
    (disk / "other").touch()
    with pytest.raises(InputError, match="expected an archive of other in"):
        ArchiveLocation(disk / "other").partitions("other")


def test_an_offset_in_two_files_is_an_error_in_a_store_too(places: list[str]) -> None:
    files = fsspec.filesystem("memory")
    files.pipe(f"/archives/leads/leads/0/{1:020d}-{4:020d}.parquet", b"")
    with pytest.raises(InputError, match="offsets in common: remove one of them"):
        ArchiveLocation(STORE).files("leads", 0)


def test_a_store_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        protocol = "s3"

        def ls(self, path: str, *, detail: bool) -> list[str]:
            raise ConnectionError("no route to host")

    monkeypatch.setattr(module, "open_store", lambda given: (Silent(), "bucket/archive"))
    with pytest.raises(StartupError, match=r"s3://bucket/archive can't be read .*no route"):
        ArchiveLocation("s3://bucket/archive").partitions("leads")


def test_a_plan_keeps_an_absolute_path_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert location_of_plan("archive") == str(tmp_path / "archive")
    assert location_of_plan("s3://bucket/archive") == "s3://bucket/archive"
    with pytest.raises(InputError, match="without a password") as error:
        location_of_plan("s3://key:geheim@bucket/archive")
    assert "geheim" not in str(error.value)
