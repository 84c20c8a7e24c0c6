"""How the snapshots went, for Prometheus: in a text file, or on a port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile

from monitoring.snapshot_metrics import LastSnapshot, SnapshotMetrics, failures_in
from schemas.errors import StartupError
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

    @contextmanager
    def shown(self, host: str, port: int) -> Iterator[int]:
        """Show the metrics over HTTP for a while.

        Yields
        ------
        int
            The port that is listened on.

        Raises
        ------
        StartupError
            It can't be had.
        """
        try:
            server, thread = start_http_server(port, host, self._registry)
        except OSError as error:
            raise StartupError(
                f"expected to show metrics on {host}:{port}, but {error.strerror or error}: name a"
                " free port with --port"
            ) from None
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _write(self) -> None:
        if self._textfile is not None:
            write_to_textfile(str(self._textfile), self._registry)


def _last(summary: SnapshotSummary) -> LastSnapshot:
    return LastSnapshot(
        summary.finished_at.timestamp(), summary.seconds, summary.rows, summary.drift_share
    )
