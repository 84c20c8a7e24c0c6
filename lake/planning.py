"""Making of a plan: which files there are, and how they are split into parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple

from features.row_reader import RowReader
from lake.delta_table import find_delta_files, is_delta_table
from lake.file_reader import describe_contents
from lake.files import DataFile, find_files
from lake.lead_columns import find_columns
from lake.parts import split_into_parts
from lake.plan import InputFile, Plan, PlannedModel, Request
from lake.store import refuse_secrets
from model.bundle import Bundle
from schemas.errors import InputError

__all__ = ["Described", "Inputs", "describe_inputs", "make_plan"]

READERS = 16
"""Files that are described at once."""


class Described(NamedTuple):
    """A file with its columns and numbers of rows; see ``Contents``."""

    file: DataFile
    schema: Any
    groups: tuple[int, ...]


class Inputs(NamedTuple):
    """All files of the sources, and the versions of those that are Delta tables."""

    files: Sequence[Described]
    delta_versions: dict[str, int]


def describe_inputs(sources: Sequence[str], delta_version: int | None) -> Inputs:
    """Find the files of all sources, and their columns and numbers of rows.

    Parameters
    ----------
    sources
        Paths and URLs: files, folders, globs, Delta tables.
    delta_version
        The version of a Delta table; None: the latest.

    Raises
    ------
    InputError
        A source has no files, or one that can't be read; or a version is given, and no source
        is a Delta table.
    StartupError
        A store can't be reached.
    """
    found: list[DataFile] = []
    versions: dict[str, int] = {}
    for source in sources:
        if is_delta_table(source):
            delta = find_delta_files(source, delta_version)
            versions[source] = delta.version
            found += delta.files
        else:
            found += find_files(source)
    if delta_version is not None and not versions:
        raise InputError("--delta-version: expected a Delta table, but there is none: leave it out")
    repeated = len(found) - len({file.url for file in found})
    if repeated:
        raise InputError(f"expected each file once, but {repeated} are in several sources")
    with ThreadPoolExecutor(READERS) as pool:
        return Inputs([*pool.map(_described, found)], versions)


def _described(file: DataFile) -> Described:
    return Described(file, *describe_contents(file))


def make_plan(
    request: Request,
    inputs: Inputs,
    bundle: Bundle,
    *,
    created_at: datetime,
    earliest_ms: float,
    ahead_ms: float,
    on_fields: Callable[[frozenset[str], str], None] = lambda *_: None,
) -> Plan:
    """Make the plan of a backfill.

    Parameters
    ----------
    request
        What was asked for.
    inputs
        The files.
    bundle
        The model.
    created_at, earliest_ms, ahead_ms
        See ``Plan``.
    on_fields
        Called once for each schema, with the model's fields in it and a file that has it.

    Raises
    ------
    InputError
        There are no rows, or a file lacks a column that the request names, or all of the model's
        fields; or the URL of the model has a password.
    """
    refuse_secrets(bundle.location)
    _check_columns(request, inputs, bundle, on_fields)
    parts = split_into_parts([each.groups for each in inputs.files], request.rows_per_file)
    if not parts:
        raise InputError(f"{', '.join(request.sources)}: expected rows, but there are none.")
    return Plan(
        created_at=created_at,
        request=request,
        delta_versions=inputs.delta_versions,
        model=PlannedModel(
            name=bundle.name,
            version=bundle.version,
            sha256=bundle.sha256,
            location=bundle.location,
        ),
        earliest_ms=earliest_ms,
        ahead_ms=ahead_ms,
        files=tuple(_input(each) for each in inputs.files),
        parts=parts,
    )


def _check_columns(
    request: Request,
    inputs: Inputs,
    bundle: Bundle,
    on_fields: Callable[[frozenset[str], str], None],
) -> None:
    """Check the columns of the first file of each schema."""
    reader = RowReader(bundle.metadata.spec, bundle.metadata.contract)
    checked: set[str] = set()
    for file, schema, _ in inputs.files:
        key = schema.remove_metadata().to_string()
        if key in checked:
            continue
        checked.add(key)
        found = find_columns(schema, reader, request.id_column, request.keep, file.url)
        on_fields(found.fields, file.url)
        if found.lead_id is None and len(inputs.files) > 1:
            raise InputError(
                f"{file.url} has no column {request.id_column!r} of the leads' ids, and row"
                " numbers are the same in each file: name the column with --id."
            )


def _input(each: Described) -> InputFile:
    file = each.file
    return InputFile(
        url=file.url,
        size=file.size,
        version=file.version,
        rows=sum(each.groups),
        partitions=dict(file.partitions),
    )
