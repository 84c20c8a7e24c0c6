"""Metrics of snapshots for Prometheus: in a text file, or on a port."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from monitoring.telemetry.http import MonitoringServer, metrics_server
from monitoring.telemetry.snapshot_metrics import LastSnapshot, SnapshotMetrics, failures_in
from schemas.errors import InputError
from stream.snapshot.archive import SnapshotFolder
from stream.snapshot.summary import SnapshotSummary

__all__ = ["SnapshotOutcomes"]

log = logging.getLogger(__name__)


class SnapshotOutcomes:
    """Records successes and failures of snapshots; a new process continues the counts.

    Parameters
    ----------
    period
        Seconds from one snapshot to the next.
    output
        Folder of the snapshots; the newest one is the last success.
    textfile
        File for the metrics; it also keeps the number of failures.

    Raises
    ------
    InputError
        The text file can't be read or written, or holds no metrics.
    """

    def __init__(self, *, period: float, output: Path, textfile: Path | None) -> None:
        self._textfile = textfile
        self._registry = CollectorRegistry()
        newest = SnapshotFolder(output).newest()
        written = _written(textfile) if textfile else ""
        self._metrics = SnapshotMetrics(
            self._registry,
            period=period,
            last=_last(newest) if newest else None,
            failures=_failures_in(written, textfile),
        )

    def success(self, summary: SnapshotSummary) -> None:
        """Record a snapshot that was written, or that had no lead to compare."""
        self._metrics.succeeded(_last(summary))
        self._write()

    def failure(self) -> None:
        """Record a snapshot that failed."""
        self._metrics.failed()
        self._write()

    def server(self, host: str, port: int) -> MonitoringServer:
        """Return a server that exposes the metrics over HTTP while it is open."""
        return metrics_server(self._registry, host, port)

    def _write(self) -> None:
        """Write the text file; a failure, such as a full disk, does not end the job."""
        if self._textfile is None:
            return
        try:
            write_to_textfile(str(self._textfile), self._registry)
        except OSError as error:
            log.error("%s", _unusable(self._textfile, error))


def _written(textfile: Path) -> str:
    if textfile.parent.is_dir() and not os.access(textfile.parent, os.W_OK):
        raise InputError(_unusable(textfile, PermissionError("its folder is not writable")))
    try:
        if not textfile.parent.is_dir():
            raise FileNotFoundError("its folder does not exist")
        return textfile.read_text() if textfile.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(_unusable(textfile, error)) from None


def _failures_in(written: str, textfile: Path | None) -> int:
    try:
        return failures_in(written)
    except ValueError:
        raise InputError(
            f"expected {textfile} to hold metrics in Prometheus' text format that an earlier"
            " snapshot wrote, but it holds something else: name another file with --textfile"
        ) from None


def _unusable(textfile: Path, error: Exception) -> str:
    return (
        f"expected to read and write {textfile}, but: {error}: name a file in a folder that exists"
        " and that this user may write to with --textfile"
    )


def _last(summary: SnapshotSummary) -> LastSnapshot:
    return LastSnapshot(
        summary.finished_at.timestamp(), summary.seconds, summary.rows, summary.drift_share
    )
