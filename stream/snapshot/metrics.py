"""How the snapshots went, for Prometheus: in a text file, or on a port."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from monitoring.telemetry.http import MonitoringServer, metrics_app
from monitoring.telemetry.snapshot_metrics import LastSnapshot, SnapshotMetrics, failures_in
from schemas.errors import InputError
from stream.snapshot.archive import SnapshotFolder
from stream.snapshot.summary import SnapshotSummary

__all__ = ["SnapshotAccount"]

log = logging.getLogger(__name__)


class SnapshotAccount:
    """Enters what becomes of snapshots; a new process goes on from where the last one stopped.

    Parameters
    ----------
    period
        Seconds from one snapshot to the next.
    output
        Folder of the snapshots: the newest one is the last success.
    textfile
        Where the metrics are written; it also holds the failures so far.

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
        """Enter a snapshot that was written, or that had no lead to compare."""
        self._metrics.succeeded(_last(summary))
        self._write()

    def failure(self) -> None:
        """Enter a snapshot that is not there."""
        self._metrics.failed()
        self._write()

    def server(self, host: str, port: int) -> MonitoringServer:
        """Return a server that shows the metrics over HTTP while it is open."""
        return MonitoringServer(
            metrics_app(self._registry),
            host=host,
            port=port,
            setting="LEADSCORE_HTTP_HOST and --port",
        )

    def _write(self) -> None:
        """Write the text file; a job that stays goes on where that fails, as on a full disk."""
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
            f"expected {textfile} to hold metrics in Prometheus' text format, as an earlier"
            " snapshot has written them, it holds something else: name another with --textfile"
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
