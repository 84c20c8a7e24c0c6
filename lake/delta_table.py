"""Files of a Delta table at one of its versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from lake.files import DataFile
from lake.store import open_store, reaching, version_of
from schemas.errors import InputError

__all__ = ["DeltaFiles", "find_delta_files", "is_delta_table"]

LOG = "_delta_log"
READABLE = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"})
"""Reader features under which each file has exactly the rows and names of the table."""
PARTITION = "partition."


@dataclass(frozen=True, slots=True)
class DeltaFiles:
    """The files of a table at a version."""

    version: int
    files: list[DataFile]


def is_delta_table(source: str) -> bool:
    """Return whether a location is a Delta table."""
    files, path = open_store(source)
    with reaching(source):
        return bool(files.isdir(f"{path.rstrip('/')}/{LOG}"))


def find_delta_files(source: str, version: int | None) -> DeltaFiles:
    """Return the files of a Delta table, in the order of their names.

    Parameters
    ----------
    source
        A path or URL.
    version
        The version to read; None: the latest.

    Raises
    ------
    InputError
        deltalake is not installed, there is no such version, or rows of the table are not simply
        those of its files (deletion vectors, column mapping).
    StartupError
        The store can't be reached.
    """
    try:
        from deltalake import DeltaTable
    except ImportError:
        raise InputError(
            f"{source} is a Delta table, and deltalake is not installed to read it:"
            " pip install 'leadscore[lake]'"
        ) from None
    files, path = open_store(source)
    location = files.unstrip_protocol(path)
    with reaching(source):
        table = DeltaTable(location)
        if version is not None:
            if version > table.version():
                raise InputError(
                    f"{source} has no version {version}: the latest one is {table.version()}"
                )
            table.load_as_version(version)
        _check_readable(table, source)
        root = path.rstrip("/")
        added = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        found = [
            _file(files, f"{root}/{unquote(row['path'])}", row)
            for row in sorted(added, key=lambda row: str(row["path"]))
        ]
    return DeltaFiles(table.version(), found)


def _check_readable(table: Any, source: str) -> None:
    """Refuse a table whose rows are not those of its files."""
    protocol = table.protocol()
    features = {*(protocol.reader_features or ())} - READABLE
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        features.add("columnMapping")
    if features:
        raise InputError(
            f"{source} was expected to have its rows in its files, but it has the features"
            f" {', '.join(sorted(features))}: remove them (REORG TABLE … APPLY (PURGE))"
        )


def _file(files: Any, path: str, row: Mapping[str, Any]) -> DataFile:
    return DataFile(
        files.unstrip_protocol(path),
        row["size_bytes"],
        version_of(files.info(path)),
        {
            name.removeprefix(PARTITION): _text(value)
            for name, value in row.items()
            if name.startswith(PARTITION)
        },
    )


def _text(value: Any) -> str | None:
    """Return a partition's value as it is written in a path."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
