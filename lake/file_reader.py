"""Files of a data set, of whatever format their names say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from lake.files import DataFile
from lake.parquet_reader import open_parquet, read_batches, with_partitions
from lake.plan import InputFile
from lake.text_reader import is_text_file, read_text_batches, read_text_file

__all__ = ["Contents", "describe_contents", "read_rows"]


class Contents(NamedTuple):
    """Columns and rows of a file.

    Attributes
    ----------
    schema
        A ``pyarrow.Schema``, with the columns of its partitions.
    groups
        Number of rows of each row group; CSV and JSON have one.
    """

    schema: Any
    groups: tuple[int, ...]


def describe_contents(file: DataFile | InputFile) -> Contents:
    """Return the columns and the numbers of rows of a file.

    Raises
    ------
    InputError
        It is missing or damaged.
    StartupError
        The store can't be reached.
    """
    if is_text_file(file.url):
        table = read_text_file(file.url, file.version)
        schema, groups = table.schema, (table.num_rows,)
    else:
        with open_parquet(file.url) as opened:
            metadata = opened.metadata
            groups = tuple(metadata.row_group(at).num_rows for at in range(metadata.num_row_groups))
            schema = opened.schema_arrow
    return Contents(with_partitions(schema.empty_table(), file.partitions).schema, groups)


def read_rows(
    file: InputFile, groups: tuple[int, int], columns: Sequence[str], texts: Collection[str]
) -> Iterator[Any]:
    """Read row groups of a file, as ``pyarrow.Table``; see ``read_batches``."""
    if is_text_file(file.url):
        return read_text_batches(file, columns)
    return read_batches(file, groups, columns, texts)
