"""Finished files of JSON lines: compressed beside the plain file, which is removed last."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path
from typing import Any, Literal

__all__ = ["Compression", "finish", "remove_leftovers"]

Compression = Literal["none", "gzip", "zstd"]
SUFFIXES = {"gzip": ".gz", "zstd": ".zst"}
PART = ".part"
"""Suffix of a file that is being compressed; readers ignore it."""


def finish(file: Path, compression: Compression) -> Path:
    """Compress a file that gets no more lines.

    Killed at any moment it leaves the plain file, the compressed one, or for a moment both, with
    the same lines; ``remove_leftovers`` removes the plain one then.

    Returns
    -------
    Path
        The finished file.
    """
    if compression == "none":
        return file
    target = file.with_name(file.name + SUFFIXES[compression])
    part = target.with_name(target.name + PART)
    with file.open("rb") as lines, part.open("wb") as raw:
        with _compressor(raw, compression) as packed:
            shutil.copyfileobj(lines, packed)
        raw.flush()
        os.fsync(raw.fileno())
    part.rename(target)
    file.unlink()
    return target


def _compressor(raw: Any, compression: Compression) -> Any:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)
    from backports import zstd

    return zstd.ZstdFile(raw, mode="wb")


def remove_leftovers(folder: Path, stem: str) -> list[Path]:
    """Remove what a kill while compressing has left.

    Parameters
    ----------
    folder
        Folder of the files.
    stem
        Regular expression of the first part of their names.

    Returns
    -------
    list of Path
        The files, in the order of their first offset.
    """
    named = re.compile(rf"{stem}-\d+\.jsonl(\.gz|\.zst)?({re.escape(PART)})?")
    files = {path.name: path for path in folder.iterdir() if named.fullmatch(path.name)}
    for name, path in list(files.items()):
        if name.endswith(PART):
            path.unlink()
            del files[name]
    for name in [name for name in files if name.endswith((".gz", ".zst"))]:
        plain = name.rpartition(".")[0]
        if plain in files:
            files.pop(plain).unlink()
    return [files[name] for name in sorted(files)]
