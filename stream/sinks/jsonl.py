"""The sink `jsonl`: JSON lines in files, one line per record, exactly once per folder.

A partition has its own files, named after topic, partition, id of the log and the offset of the
first record: ``leads.scored-3-4fJx0a-00000000000000012345.jsonl``. Every line names its offset, so
after a crash the last line of the newest file says where to continue. A writer holds a lock on the
partition while it writes, and looks at the files again if another writer had it since: a worker
that was replaced, but is not dead yet, writes nothing twice.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stream.settings import Settings
from stream.sinks.finished_files import Compression, finish, remove_leftovers
from stream.sinks.json_line_file import last_offset, repaired
from stream.sinks.rows import lead_row, score_row
from stream.sinks.sink import (
    WRITTEN,
    Gathering,
    Log,
    SinkBatch,
    SinkRecord,
    TargetUnavailableError,
    Verdict,
    refuse,
)
from stream.sinks.target import target_of

__all__ = ["JsonLinesSink", "make_sink"]

DIGITS = 20
"""Digits of the offset in a file's name: names sort as offsets do."""


def make_sink(settings: Settings) -> JsonLinesSink:
    """Make the sink that the settings name.

    Raises
    ------
    StartupError
        No folder is named.
    """
    return JsonLinesSink(
        Path(target_of(settings, "a folder for the JSON lines")),
        settings.sink_content,
        rotate_bytes=settings.sink_rotate_mb << 20,
        rotate_seconds=settings.sink_rotate_seconds,
        compression=settings.sink_compression,
    )


def score_line(record: SinkRecord) -> dict[str, Any]:
    """Return the line of a scored event, with the fields of a `predictions.jsonl` first."""
    row = score_row(record)
    if row["grade"] is None:
        del row["grade"]
    first = ("request_id", "lead_id", "score", "category", "model_version", "latency_ms")
    return {"timestamp": row["scored_at"], **{name: row[name] for name in first}, **row}


def lead_line(record: SinkRecord) -> dict[str, Any]:
    """Return the line of a lead."""
    row = lead_row(record)
    return {"timestamp": row["written_at"], "lead_id": row["lead_id"], "fields": row["fields"]}


LINES: Mapping[str, Callable[[SinkRecord], dict[str, Any]]] = {
    "scores": score_line,
    "leads": lead_line,
}


@dataclass(slots=True)
class _Position:
    """Where the lines of a log end, as this writer left them."""

    token: bytes
    """In the lock file while no other writer has written."""
    file: Path | None
    """The file that is written to; None: the next record begins one."""
    offset: int
    """Offset in the last line; -1: there is none."""
    opened_at: float
    """Seconds of the monotonic clock."""


class JsonLinesSink:
    """Appends lines to files; see ``stream.sinks.sink.Sink``.

    Parameters
    ----------
    folder
        For the files; it is made if its parent exists.
    content
        What the records are: scores or leads.
    rotate_bytes, rotate_seconds
        Size and age after which the next file begins.
    compression
        Compression of finished files.
    clock
        Returns seconds.
    """

    gathering = Gathering()

    def __init__(
        self,
        folder: Path,
        content: str,
        *,
        rotate_bytes: int = 64 << 20,
        rotate_seconds: float = 3600.0,
        compression: Compression = "gzip",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._line = LINES[content]
        self._rotate_bytes = rotate_bytes
        self._rotate_seconds = rotate_seconds
        self._compression: Compression = compression
        self._clock = clock
        self._positions: dict[Log, _Position] = {}

    def plan(self) -> str:
        """Return the folder and the names of its files."""
        return (
            f"{self._folder}/TOPIC-PARTITION-LOG-OFFSET.jsonl, a new file after"
            f" {self._rotate_bytes >> 20} MB or {self._rotate_seconds:g} s; compression of finished"
            f" files: {self._compression}"
        )

    async def open(self) -> None:
        """Make the folder."""
        with _unavailable(self._folder):
            await asyncio.to_thread(self._folder.mkdir, exist_ok=True)

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        """Append the records that the files do not have yet."""
        with _unavailable(self._folder):
            return await asyncio.to_thread(self._write, batch)

    async def close(self) -> None:
        """Do nothing: no file stays open between two writes."""

    def _write(self, batch: SinkBatch) -> Sequence[Verdict]:
        verdicts: list[Verdict] = []
        lines: list[tuple[int, bytes]] = []
        for record in batch.records:
            try:
                lines.append((record.offset, self._encoded(batch.log, record)))
            except (ValueError, TypeError) as error:
                verdicts.append(refuse(f"the record can't be written as JSON: {_first(error)}"))
            else:
                verdicts.append(WRITTEN)
        if lines:
            with self._locked(batch.log) as position:
                self._append(batch.log, position, lines)
        return verdicts

    def _encoded(self, log: Log, record: SinkRecord) -> bytes:
        place = {"topic": log.topic, "partition": log.partition, "offset": record.offset}
        return orjson.dumps({**self._line(record), **place}, option=orjson.OPT_APPEND_NEWLINE)

    @contextmanager
    def _locked(self, log: Log) -> Iterator[_Position]:
        """Hold the lock of a log; yields where its lines end."""
        with (self._folder / f".{_stem(log)}.lock").open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TargetUnavailableError(
                    f"another process writes partition {log.partition} to the folder"
                ) from None
            file.seek(0)
            position = self._positions.get(log)
            if position is None or file.read() != position.token:
                position = self._positions[log] = self._recovered(log)
                file.truncate(0)
                file.write(position.token)
                file.flush()
            try:
                yield position
            except BaseException:
                del self._positions[log]  # what was written is read from the file
                raise

    def _recovered(self, log: Log) -> _Position:
        """Find where the lines of a log end; cuts a last line that is not complete."""
        files = remove_leftovers(self._folder, re.escape(_stem(log)))
        token = secrets.token_bytes(16)
        while files:
            newest = files.pop()
            is_open = newest.suffix == ".jsonl"
            if is_open and not repaired(newest):
                newest.unlink()  # it held no complete line
                continue
            opened = self._clock() - max(0.0, time.time() - newest.stat().st_mtime)
            return _Position(token, newest if is_open else None, last_offset(newest), opened)
        return _Position(token, None, -1, 0.0)

    def _append(self, log: Log, position: _Position, lines: Sequence[tuple[int, bytes]]) -> None:
        new = [(offset, line) for offset, line in lines if offset > position.offset]
        if not new:
            return
        if position.file is not None and self._is_full(position):
            finish(position.file, self._compression)
            position.file = None
        if position.file is None:
            position.file = self._folder / f"{_stem(log)}-{new[0][0]:0{DIGITS}d}.jsonl"
            position.opened_at = self._clock()
        is_new = not position.file.exists()
        with position.file.open("ab") as file:
            file.write(b"".join(line for _, line in new))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(self._folder)
        position.offset = new[-1][0]

    def _is_full(self, position: _Position) -> bool:
        assert position.file is not None
        return (
            self._clock() - position.opened_at >= self._rotate_seconds
            or position.file.stat().st_size >= self._rotate_bytes
        )


def _stem(log: Log) -> str:
    """Return the first part of the names of a log's files."""
    return f"{log.topic}-{log.partition}-{log.topic_id[:8] or 'log'}"


def _sync_folder(folder: Path) -> None:
    """Make the names of new files durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _unavailable(folder: Path) -> Iterator[None]:
    """Raise a TargetUnavailableError for an error of the file system: a full disk, a lost mount."""
    try:
        yield
    except OSError as error:
        raise TargetUnavailableError(
            f"{folder}: {error.strerror or type(error).__name__}"
        ) from error


def _first(error: Exception) -> str:
    """Return the error's sentence, without values that JSON's encoder may quote."""
    return str(error) if type(error) is ValueError else type(error).__name__
