"""Parquet files read by batches, in memory that does not depend on their size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from lake.plan import InputFile
from lake.store import is_on_disk, open_store, reaching, version_of
from schemas.errors import InputError, StartupError

__all__ = ["BATCH_ROWS", "check_unchanged", "open_parquet", "read_batches", "with_partitions"]

BATCH_ROWS = 20_000
BUFFER = 1 << 20
"""Bytes that are read ahead of each column: a column of a row group is never read whole."""


@contextmanager
def open_parquet(url: str, texts: Collection[str] = ()) -> Iterator[Any]:
    """Open a ``pyarrow.parquet.ParquetFile``.

    Parameters
    ----------
    url
        Where it is.
    texts
        Dotted names of columns of text that are read as dictionaries: each different text once.

    Raises
    ------
    InputError
        There is no such file, or it is no Parquet file.
    StartupError
        The store can't be reached.
    """
    files, path = open_store(url)
    options = {"read_dictionary": [*texts], "buffer_size": BUFFER, "pre_buffer": False}
    with reaching(url), _readable(url):
        if is_on_disk(files):
            with pa.parquet.ParquetFile(path, **options) as opened:
                yield opened
        else:
            # Columns are read in turns: what was read ahead of one is of no use to the next.
            with (
                files.open(path, "rb", cache_type="none") as content,
                pa.parquet.ParquetFile(content, **options) as opened,
            ):
                yield opened


def read_batches(
    file: InputFile, groups: tuple[int, int], columns: Sequence[str], texts: Collection[str]
) -> Iterator[Any]:
    """Read row groups of a file.

    Parameters
    ----------
    file
        The file.
    groups
        The first row group, and the one after the last.
    columns
        Names of the columns to read, of the file or of its partitions.
    texts
        See ``open_parquet``.

    Yields
    ------
    pyarrow.Table
        Of at most ``BATCH_ROWS`` rows.

    Raises
    ------
    InputError
        The file is damaged.
    StartupError
        The store can't be reached.
    """
    own = [name for name in columns if name not in file.partitions]
    own_texts = [name for name in texts if name not in file.partitions]
    with open_parquet(file.url, own_texts) as opened:
        for batch in opened.iter_batches(
            BATCH_ROWS, row_groups=range(*groups), columns=own, use_threads=False
        ):
            table = pa.Table.from_batches([batch])
            yield with_partitions(table, file.partitions, columns)


def with_partitions(
    table: Any, partitions: Mapping[str, str | None], columns: Collection[str] | None = None
) -> Any:
    """Return a table with the columns that stand in the path of its file.

    They replace columns of the same name, as in Spark.

    Parameters
    ----------
    table
        A ``pyarrow.Table``.
    partitions
        The value of each such column.
    columns
        Those that are wanted; None: all.
    """
    for name, value in partitions.items():
        if columns is not None and name not in columns:
            continue
        values = pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
        at = table.schema.get_field_index(name)
        table = table.append_column(name, values) if at < 0 else table.set_column(at, name, values)
    return table


def check_unchanged(file: InputFile) -> None:
    """Check that a file is the one of the plan.

    Raises
    ------
    InputError
        It is missing.
    StartupError
        It is another, or the store can't be reached.
    """
    files, path = open_store(file.url)
    with reaching(file.url):
        info = files.info(path)
    if (info["size"], version_of(info)) != (file.size, file.version):
        raise StartupError(
            f"{file.url} was expected to be as it was when the backfill was planned"
            f" ({file.size} bytes), but it has changed ({info['size']} bytes): score it into"
            " another folder, by a new plan."
        )


@contextmanager
def _readable(url: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        raise _unreadable(url, error) from None
    except OSError as error:
        if error.errno is None:  # of the content, not of the system
            raise _unreadable(url, error) from None
        raise


def _unreadable(url: str, error: Exception) -> InputError:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return InputError(f"{url} is not a readable Parquet file: {reason}")
