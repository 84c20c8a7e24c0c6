"""Files of a data set: of a file, a folder with or without partitions, or a glob."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lake.store import open_store, reaching, version_of
from lake.text_reader import TEXT_SUFFIXES
from schemas.errors import InputError

__all__ = ["DataFile", "find_files", "partitions_in"]

PARQUET_SUFFIXES = (".parquet", ".parq", ".pq")
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""Written by Hive and Spark for a partition without a value."""
GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a data set; the attributes are those of ``InputFile``."""

    url: str
    size: int
    version: str
    partitions: Mapping[str, str | None] = field(default_factory=dict)


def find_files(source: str) -> list[DataFile]:
    """Return the files of a source, in the order of their names.

    Parameters
    ----------
    source
        A path or URL: a file, a folder, or a glob. Of a folder all files below it are read, except
        those that are hidden from readers: a name on the path begins with "_" or ".".

    Raises
    ------
    InputError
        There is no such file; or there is one of another format, by its name.
    StartupError
        The store can't be reached.
    """
    files, path = open_store(source)
    with reaching(source):
        if GLOB & {*path}:
            root, found = _fixed_prefix(path), files.glob(path, detail=True)
        elif files.isdir(path):
            root, found = path.rstrip("/"), files.find(path, detail=True)
        else:
            root, found = path, {path: files.info(path)}
    entries = {
        name: info
        for name, info in found.items()
        if info["type"] == "file" and not _is_hidden(name.removeprefix(root))
    }
    _check_formats(entries, source)
    return [
        DataFile(files.unstrip_protocol(name), info["size"], version_of(info), partitions_in(name))
        for name, info in sorted(entries.items())
    ]


def partitions_in(path: str) -> dict[str, str | None]:
    """Return the columns that stand in a file's path, as Hive and Spark write them.

    All folders count, also above the data set: a row has the same partitions if only one folder of
    the set is named.

    Parameters
    ----------
    path
        Path of the file.

    Examples
    --------
    >>> partitions_in("year=2026/country=DE/part-0.parquet")
    {'year': '2026', 'country': 'DE'}
    >>> partitions_in("source=Trade%20fair/part-0.parquet")
    {'source': 'Trade fair'}
    """
    pairs = (folder.split("=", 1) for folder in path.split("/")[:-1] if "=" in folder)
    return {
        unquote(name): None if value == NULL_PARTITION else unquote(value) for name, value in pairs
    }


def _check_formats(entries: Mapping[str, Any], source: str) -> None:
    if not entries:
        raise InputError(
            f"{source}: expected Parquet, CSV or JSON files, but there is none. Check the name."
        )
    others = [name for name in entries if not name.endswith((*PARQUET_SUFFIXES, *TEXT_SUFFIXES))]
    if others:
        raise InputError(
            f"{source}: expected files named *.parquet, *.csv or *.jsonl, but there are"
            f" {_listed(others)}. Name the files by a glob such as '{source.rstrip('/')}"
            "/*.parquet'."
        )


def _listed(names: Iterable[str]) -> str:
    first, *rest = [posixpath.basename(name) for name in names]
    return first if not rest else f"{first} and {len(rest)} more"


def _is_hidden(path: str) -> bool:
    """Return whether readers of data sets ignore a path, as bookkeeping or not yet complete."""
    return any(part.startswith(("_", ".")) and "=" not in part for part in path.split("/"))


def _fixed_prefix(path: str) -> str:
    """Return the folders of a glob before its first pattern."""
    parts = path.split("/")
    fixed = next((at for at, part in enumerate(parts) if GLOB & {*part}), len(parts))
    return "/".join(parts[:fixed])
