"""Metrics of a replay for Prometheus: in a text file, or on a port."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile

from monitoring.telemetry.http import MonitoringServer, metrics_server
from monitoring.telemetry.replay_metrics import ReplayMetrics
from schemas.errors import InputError
from stream.replay.account import Account
from stream.replay.runner import Progress
from stream.replay.throttle import Throttle

__all__ = ["ReplayExposition"]

log = logging.getLogger(__name__)


class ReplayExposition:
    """Exposes how far the ranges of this process are.

    Parameters
    ----------
    textfile
        File for the metrics; None: none is written.

    Raises
    ------
    InputError
        The folder of the file does not exist.
    """

    def __init__(self, textfile: Path | None) -> None:
        if textfile is not None and not textfile.parent.is_dir():
            raise InputError(
                f"expected the folder of {textfile} to exist: name another file with --textfile"
            )
        self._textfile = textfile
        self._registry = CollectorRegistry()
        self._metrics = ReplayMetrics(self._registry)

    def show(self, progress: Sequence[Progress], throttle: Throttle) -> None:
        """Show the progress of ranges; a full disk does not end the replay."""
        account = Account.total(each.account for each in progress)
        remaining = sum(each.range.end - each.offset for each in progress)
        self._metrics.show(asdict(account), remaining, yields=throttle.yields_to is not None)
        if self._textfile is not None:
            try:
                write_to_textfile(str(self._textfile), self._registry)
            except OSError as error:
                log.error("the metrics could not be written to %s: %s", self._textfile, error)

    def server(self, host: str, port: int) -> MonitoringServer:
        """Return a server that exposes the metrics over HTTP while it is open."""
        return metrics_server(self._registry, host, port)
