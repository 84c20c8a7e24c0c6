"""The folder of snapshots: one subfolder each, the newest are kept, one writer at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import StartupError
from stream.snapshot.summary import SnapshotSummary

__all__ = ["SnapshotFolder", "place_of", "snapshots_in"]

REPORT, METRICS, SUMMARY = "report.html", "report.json", "summary.json"
PREFIX = "drift-"
LOCK = ".lock"
UNFINISHED = ".unfinished"


def place_of(folder: Path, name: str) -> Path:
    """Return the path of a snapshot's HTML report in a folder of snapshots."""
    return folder / f"{PREFIX}{name}" / REPORT


def snapshots_in(folder: Path) -> list[Path]:
    """Return the snapshots' folders in a folder of snapshots, oldest first."""
    return sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())


class SnapshotFolder:
    """Folder of snapshots: ``<folder>/drift-<end of its range>/``.

    Parameters
    ----------
    path
        The folder; created if it does not exist.

    Raises
    ------
    StartupError
        It can't be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(
                f"expected to write snapshots to {path}, but {error.strerror}: name a folder that"
                " this user may write to with --output"
            ) from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock while the body runs; the system releases it if the process dies.

        Raises
        ------
        StartupError
            Another process is writing a snapshot.
        """
        with (self.path / LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StartupError(
                    f"expected to be the only process that writes to {self.path}, but process"
                    f" {lock.read().strip() or '?'} writes to it: wait until it ends, or name"
                    " another folder with --output"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def place(self, name: str) -> Path:
        """Return the path of a snapshot's HTML report."""
        return place_of(self.path, name)

    def add(
        self, name: str, html: str, json: str, summary: SnapshotSummary, keep: int
    ) -> SnapshotSummary:
        """Write a snapshot atomically and remove all but the newest.

        Parameters
        ----------
        name
            Name of the snapshot; names sort by time. One of the same name is replaced.
        html, json
            The report for people, and the same as JSON.
        summary
            Its summary, which is returned.
        keep
            Number of snapshots to keep.
        """
        unfinished, finished = self.path / UNFINISHED, self.place(name).parent
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        written = {REPORT: html, METRICS: json, SUMMARY: summary.model_dump_json(indent=2)}
        for file, content in written.items():
            (unfinished / file).write_text(content, encoding="utf-8")
        if finished.exists():
            shutil.rmtree(finished)
        unfinished.rename(finished)
        # The new one is kept even if its range is older than all others.
        others = [snapshot for snapshot in snapshots_in(self.path) if snapshot != finished]
        for old in others[: max(len(others) + 1 - keep, 0)]:
            shutil.rmtree(old)
        return summary

    def newest(self) -> SnapshotSummary | None:
        """Return the summary of the newest snapshot; None if there is none."""
        for snapshot in reversed(snapshots_in(self.path)):
            summary = snapshot / SUMMARY
            if summary.is_file():
                return SnapshotSummary.model_validate_json(summary.read_bytes())
        return None
