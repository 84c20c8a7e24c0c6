"""The folder of snapshots: whole ones, the newest ones, by one writer at a time."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import StartupError
from stream.snapshot.archive import SnapshotFolder
from stream.snapshot.summary import SnapshotSummary

SUMMARY = SnapshotSummary(
    topic="leads.created",
    model="leads/3",
    start=datetime(2026, 5, 1, 9, tzinfo=UTC),
    end=datetime(2026, 5, 1, 10, tzinfo=UTC),
    found=36_000,
    unreadable=2,
    rows=9_998,
    diagnosis="covariate",
    drift_share=0.2,
    is_drift=False,
    is_prediction_drift=True,
    drifted=("age", "job"),
    report=None,
    finished_at=datetime(2026, 5, 1, 10, 1, tzinfo=UTC),
    seconds=12.5,
)


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    return SnapshotFolder(tmp_path / "deep/reports")


def add(folder: Any, name: Any, *, keep: Any = 10, rows: Any = 1) -> None:
    folder.add(name, "<html>", "{}", SUMMARY.model_copy(update={"rows": rows}), keep)


def names(folder: Any) -> Any:
    return sorted(path.name for path in folder.path.iterdir() if not path.name.startswith("."))


def test_the_newest_are_kept_and_other_things_are_left_alone(folder: Any) -> None:
    (folder.path / "workspace").mkdir()
    for day in (1, 2, 3, 4):
        add(folder, f"2026-05-0{day}", keep=3, rows=day)
    kept = [f"drift-2026-05-0{day}" for day in (2, 3, 4)]
    assert names(folder) == [*kept, "workspace"]
    assert folder.newest().rows == 4


def test_one_of_an_old_range_is_not_removed_as_soon_as_it_is_written(folder: Any) -> None:
    for name in ("2026-05-03", "2026-05-04", "2026-01-01"):
        add(folder, name, keep=2)
    assert names(folder) == ["drift-2026-01-01", "drift-2026-05-04"]


@pytest.mark.parametrize("keep", [2, 3, 9])
def test_none_is_removed_while_there_is_room(folder: Any, keep: int) -> None:
    add(folder, "a", keep=keep)
    add(folder, "b", keep=keep)
    assert names(folder) == ["drift-a", "drift-b"]


def test_a_snapshot_has_its_files(folder: Any) -> None:
    add(folder, "2026-05-03")
    written = folder.path / "drift-2026-05-03"
    assert sorted(path.name for path in written.iterdir()) == [
        "report.html",
        "report.json",
        "summary.json",
    ]
    assert (written / "report.html") == folder.place("2026-05-03")


def test_one_of_the_same_name_is_replaced_and_what_was_left_unfinished_is_removed(
    folder: Any,
) -> None:
    (folder.path / ".unfinished").mkdir()
    (folder.path / ".unfinished/half").write_text("")
    add(folder, "a", rows=1)
    add(folder, "a", rows=2)
    assert names(folder) == ["drift-a"]
    assert folder.newest().rows == 2
    assert not (folder.path / "drift-a/half").exists()


def test_an_empty_folder_has_no_newest(folder: Any) -> None:
    assert folder.newest() is None


def test_the_second_writer_gets_the_process_id_of_the_first(folder: Any) -> None:
    with (
        folder.locked(),
        pytest.raises(StartupError, match=rf"process {os.getpid()} writes to it.*--output"),
        SnapshotFolder(folder.path).locked(),
    ):
        pass
    with folder.locked():
        pass


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match=r"file/reports.*--output"):
        SnapshotFolder(tmp_path / "file/reports")
