"""Requests and predictions as JSON lines in files.

It is a log, not a record: lines are written once a second, and are dropped, and counted, if the
disk does not take them. What must not be lost is written to Kafka.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from stream.rest.line_files import LineFiles

__all__ = ["Content", "RequestLog"]

log = logging.getLogger(__name__)

Content = Literal["ids", "all"]
"""Content of the lines: ids and outcomes, or also fields of leads and whole scored events."""

WRITE_SECONDS = 1.0
MOST_BYTES = 16 << 20
"""Bytes of lines that wait for the disk."""
FIRST = ("request_id", "lead_id", "score", "category", "model_version", "latency_ms")
"""Fields of a prediction as in `predictions.jsonl` of the sink `jsonl`, after the time."""
IDS = ("event_id", "model_id")
"""Further fields of a prediction, if its content is ids."""


class RequestLog:
    """Collects lines, and writes them in a thread.

    Parameters
    ----------
    requests, predictions
        Files of the lines.
    content
        Their content.
    on_dropped
        Called with the number of lines that were dropped.
    """

    def __init__(
        self,
        requests: LineFiles,
        predictions: LineFiles,
        content: Content,
        on_dropped: Callable[[int], None],
    ) -> None:
        self._files = (requests, predictions)
        self._lines: tuple[list[bytes], list[bytes]] = ([], [])
        self._bytes = 0
        self._is_whole = content == "all"
        self._on_dropped = on_dropped
        self._is_failing = False

    def add_request(
        self,
        *,
        request_id: str,
        path: str,
        status: int,
        latency_ms: float,
        leads: Sequence[Mapping[str, Any] | str] = (),
    ) -> None:
        """Add the line of a request.

        Parameters
        ----------
        request_id, path, status
            Id, path and status of the request and its answer.
        latency_ms
            From its head to the end of its answer.
        leads
            Its leads, whole or by id; empty: its body was not read.
        """
        line: dict[str, Any] = {
            "timestamp": _now(),
            "request_id": request_id,
            "path": path,
            "status": status,
            "latency_ms": round(latency_ms, 3),
            "lead_ids": [_id_of(lead) for lead in leads],
        }
        if self._is_whole and leads and not isinstance(leads[0], str):
            line["leads"] = leads
        self._add(0, line)

    def add_predictions(self, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Add a line for each prediction of an answer."""
        for event in predictions:
            names = (*FIRST, *(event if self._is_whole else IDS))
            line = {"timestamp": event["prediction_timestamp"]}
            self._add(1, line | {name: event[name] for name in names})

    def _add(self, at: int, line: Mapping[str, Any]) -> None:
        if self._bytes >= MOST_BYTES:
            self._on_dropped(1)
            return
        written = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        self._bytes += len(written)
        self._lines[at].append(written)

    async def run(self) -> None:
        """Write at each interval, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what was added; after an error of the disk it is dropped."""
        taken, self._lines, self._bytes = self._lines, ([], []), 0
        errors = [
            await self._append(files, lines)
            for files, lines in zip(self._files, taken, strict=True)
        ]
        error = next((error for error in errors if error is not None), None)
        if error is not None and not self._is_failing:
            log.warning(
                "lines of requests can't be written to %s, they are dropped: %s",
                *(self._files[0].folder, error.strerror or type(error).__name__),
            )
        self._is_failing = error is not None

    async def _append(self, files: LineFiles, lines: Sequence[bytes]) -> OSError | None:
        try:
            await asyncio.to_thread(files.append, lines)
        except OSError as error:
            self._on_dropped(len(lines))
            return error
        return None


def _id_of(lead: Mapping[str, Any] | str) -> str | None:
    found = lead if isinstance(lead, str) else lead.get("lead_id")
    return found if isinstance(found, str) else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
