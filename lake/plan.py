"""Plan and account of a backfill: the contents of its manifest.

The plan is written before the first row is read, and fixes what is read, by which model and by
which rules. Each part has an account when it is done; the account of the whole is their sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = [
    "Account",
    "InputFile",
    "OutputFile",
    "Part",
    "PartAccount",
    "Plan",
    "PlannedModel",
    "Request",
    "Span",
    "sum_up",
]


class _Fixed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(_Fixed):
    """Options of a user: with others, a plan is not continued.

    Attributes
    ----------
    sources
        Files, folders, globs or tables, as given.
    model
        The model as given: a name may mean another version later.
    id_column
        Column of the leads' ids.
    keep
        Columns that are copied to the output.
    format
        Format of the output files.
    rows_per_file
        Rows from which on a part is full.
    delta_version
        Version of a Delta table as given; None: the latest.
    """

    sources: tuple[str, ...]
    model: str
    id_column: str
    keep: tuple[str, ...] = ()
    format: Literal["parquet", "jsonl", "csv"] = "parquet"
    rows_per_file: int
    delta_version: int | None = None


class PlannedModel(_Fixed):
    """The model that scores all rows."""

    name: str
    version: str
    sha256: str
    location: str


class InputFile(_Fixed):
    """A file that is read, as it was when the plan was made.

    Attributes
    ----------
    url
        Where it is.
    size
        Bytes.
    version
        What changes when the file does: its ETag, or the time of its last change.
    rows
        Number of rows.
    partitions
        Values of columns that stand in the file's path, or in the log of a Delta table.
    """

    url: str
    size: int
    version: str
    rows: int
    partitions: dict[str, str | None] = {}


class Span(_Fixed):
    """Consecutive row groups of a file.

    Attributes
    ----------
    file
        Index of the file in the plan.
    groups
        The first row group, and the one after the last.
    first_row
        Number of the first row in the file, from 0.
    rows
        Number of rows.
    """

    file: int
    groups: tuple[int, int]
    first_row: int
    rows: int


class Part(_Fixed):
    """Rows of one output file."""

    number: int
    spans: tuple[Span, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(span.rows for span in self.spans)


class Plan(_Fixed):
    """A backfill.

    Attributes
    ----------
    created_at
        When the plan was made; times of leads are plausible up to a while after it.
    request
        What was asked for.
    delta_versions
        The version that is read of each source that is a Delta table.
    model
        The model.
    earliest_ms, ahead_ms
        The times that leads may have, see ``TimeRules``.
    files, parts
        What is read.
    """

    format_version: Literal[1] = 1
    created_at: datetime
    request: Request
    delta_versions: dict[str, int] = {}
    model: PlannedModel
    earliest_ms: float
    ahead_ms: float
    files: tuple[InputFile, ...]
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Number of rows of all parts."""
        return sum(part.rows for part in self.parts)


class OutputFile(_Fixed):
    """A file that was written."""

    name: str
    size: int
    sha256: str


class PartAccount(_Fixed):
    """Outcome of the rows of a part.

    Attributes
    ----------
    part
        Its number.
    rows, scored
        Rows that were read, and that have a score.
    rejected
        The others, by error code.
    output
        The file of scores.
    rejects
        The file of rejected rows; None if there are none.
    """

    part: int
    rows: int
    scored: int
    rejected: dict[str, int]
    output: OutputFile
    rejects: OutputFile | None = None


class Account(_Fixed):
    """Outcome of all rows; ``parts`` are in the order of the plan."""

    rows: int
    scored: int
    rejected: dict[str, int]
    parts: tuple[PartAccount, ...]

    def is_balanced(self, plan: Plan, numbers: Sequence[int] | None = None) -> bool:
        """Return whether each planned row was read, and is scored or rejected.

        Parameters
        ----------
        plan
            The plan.
        numbers
            Numbers of the parts that count; None: all.
        """
        expected = {part.number: part.rows for part in plan.parts}
        if numbers is not None:
            expected = {number: expected[number] for number in numbers}
        return expected == {part.part: part.rows for part in self.parts} and all(
            part.rows == part.scored + sum(part.rejected.values()) for part in self.parts
        )


def sum_up(parts: Sequence[PartAccount]) -> Account:
    """Return the account of several parts."""
    codes: Counter[str] = Counter()
    for part in parts:
        codes.update(part.rejected)
    return Account(
        rows=sum(part.rows for part in parts),
        scored=sum(part.scored for part in parts),
        rejected=dict(sorted(codes.items())),
        parts=tuple(sorted(parts, key=lambda part: part.part)),
    )
