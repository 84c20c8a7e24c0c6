"""How the snapshots went, for Prometheus: in a text file, or on a port."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from monitoring.http import MonitoringServer, metrics_app
from monitoring.snapshot_metrics import LastSnapshot, SnapshotMetrics, failures_in
from stream.snapshot_folder import SnapshotFolder
from stream.snapshot_summary import SnapshotSummary

__all__ = ["SnapshotAccount"]


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
    """

    def __init__(self, *, period: float, output: Path, textfile: Path | None) -> None:
        self._textfile = textfile
        self._registry = CollectorRegistry()
        newest = SnapshotFolder(output).newest()
        written = textfile.read_text() if textfile and textfile.exists() else ""
        self._metrics = SnapshotMetrics(
            self._registry,
            period=period,
            last=_last(newest) if newest else None,
            failures=failures_in(written),
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
        if self._textfile is not None:
            write_to_textfile(str(self._textfile), self._registry)


def _last(summary: SnapshotSummary) -> LastSnapshot:
    return LastSnapshot(
        summary.finished_at.timestamp(), summary.seconds, summary.rows, summary.drift_share
    )
