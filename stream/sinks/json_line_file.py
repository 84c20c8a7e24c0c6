"""A file of JSON lines that was written to when its writer was killed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import orjson

__all__ = ["last_offset", "lines_of", "repaired"]

STEP = 1 << 16
"""Bytes that are read at once, backwards from the end."""


def repaired(file: Path) -> bool:
    """Cut a last line that is not complete.

    Returns
    -------
    bool
        False if no complete line is left.
    """
    with file.open("r+b") as lines:
        end = lines.seek(0, 2)
        at = end
        while at > 0:
            start = max(0, at - STEP)
            lines.seek(start)
            found = lines.read(at - start).rfind(b"\n")
            if found >= 0:
                if start + found + 1 < end:
                    lines.truncate(start + found + 1)
                return True
            at = start
        lines.truncate(0)
        return False


def last_offset(file: Path) -> int:
    """Return the offset in the last line of a file, compressed or not; -1 without a line."""
    last = b""
    for line in lines_of(file):
        last = line
    return int(orjson.loads(last)["offset"]) if last else -1


def lines_of(file: Path) -> Iterator[bytes]:
    """Yield the lines of a file, compressed or not."""
    if file.suffix == ".gz":
        with gzip.open(file) as lines:
            yield from lines
    elif file.suffix == ".zst":
        from backports import zstd

        with zstd.open(file) as lines:
            yield from lines
    else:
        with file.open("rb") as lines:
            yield from lines
