"""One process at a time writes to the folder of a partition."""

from __future__ import annotations

from pathlib import Path

from stream.archive.files import ArchiveFile
from stream.archive.partition_owner import PartitionOwner


def test_a_second_owner_waits_for_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "leads" / "0"
    first, second = PartitionOwner(folder), PartitionOwner(folder)
    assert first.acquire()
    assert first.acquire(), "it has the lock"
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_new_owner_removes_what_was_not_complete_and_continues_behind_the_last_file(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "leads" / "0"
    folder.mkdir(parents=True)
    (folder / f"{9:020d}.tmp").touch()
    owner = PartitionOwner(folder)
    assert owner.acquire()
    assert owner.last() is None
    for start, end in ((0, 5), (5, 9)):
        ArchiveFile.of(folder, start, end).path.touch()
    assert owner.last() == ArchiveFile.of(folder, 5, 9)
    assert sorted(path.suffix for path in folder.iterdir()) == ["", ".parquet", ".parquet"]
    owner.release()
