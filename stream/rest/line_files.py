"""Files of lines, rotated by size and age; finished ones are compressed."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from stream.sinks.finished_files import Compression, finish

__all__ = ["LineFiles"]


class LineFiles:
    """Appends lines to a file, and begins the next one when it is full.

    Files are named after their first time, in UTC, and a random part, so that several processes may
    write to a folder: ``requests-20260101T093000-4f1c9a.jsonl``. The file of a process that is
    killed stays as it is; its last line may be incomplete.

    Parameters
    ----------
    folder
        For the files; it is made if its parent exists.
    stem
        First part of their names.
    rotate_bytes, rotate_seconds
        Size and age after which the next file begins.
    compression
        Compression of finished files.
    clock
        Returns seconds.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        *,
        rotate_bytes: int,
        rotate_seconds: float,
        compression: Compression,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._stem = stem
        self._rotate_bytes = rotate_bytes
        self._rotate_seconds = rotate_seconds
        self._compression: Compression = compression
        self._clock = clock
        self._file: Path | None = None
        self._opened_at = 0.0
        self._lock = threading.Lock()

    def append(self, lines: Sequence[bytes]) -> None:
        """Append lines, each with its end of line; finishes a file that is full before.

        Raises
        ------
        OSError
            The disk does not take them.
        """
        with self._lock:
            self._append(lines)

    def _append(self, lines: Sequence[bytes]) -> None:
        if self._file is not None and not self._file.exists():  # somebody has moved it
            self._file = None
        if self._file is not None and self._is_full(self._file):
            self._finish(self._file)
        if not lines:
            return
        if self._file is None:
            self.folder.mkdir(exist_ok=True)
            started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
            self._file = self.folder / f"{self._stem}-{started}-{secrets.token_hex(3)}.jsonl"
            self._opened_at = self._clock()
        with self._file.open("ab") as file:
            file.write(b"".join(lines))

    def _finish(self, file: Path) -> None:
        """Compress the file; the next lines begin another."""
        self._file = None
        finish(file, self._compression)

    def _is_full(self, file: Path) -> bool:
        return (
            self._clock() - self._opened_at >= self._rotate_seconds
            or file.stat().st_size >= self._rotate_bytes
        )
