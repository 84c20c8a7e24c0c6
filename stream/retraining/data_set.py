"""The data set of a retraining: a Parquet file of labelled leads, written once, with its hash.

==========================  ==================================================================
column                      contents
==========================  ==================================================================
created_at                  time of creation of the lead
the model's fields          as they were when the lead was scored, under the names of the
                            training file of the model in production
leadscore_converted         whether an outcome that is a success followed within the horizon
leadscore_value,            what that outcome brought, and its currency; null where that is not
leadscore_currency          known
leadscore_time              when the lead was scored, by the clock of the data set
leadscore_partition,        place of the lead's record
leadscore_offset
==========================  ==================================================================

A lead is one row, without its id. Rows are in the order of ``leadscore_time``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.retraining.point_in_time import KnownOutcome, LabelCounts, label_leads
from model.bundle import Bundle
from schemas.errors import InputError
from stream.archive.rows import load_pyarrow
from stream.retraining.known_outcomes import KnownOutcomes
from stream.retraining.lead_rows import PLACE, SPOOL, TIME, LeadRows
from stream.retraining.offsets import read_ranges
from stream.retraining.plan import RetrainPlan
from stream.settings import Settings

__all__ = [
    "CURRENCY",
    "EXTRA",
    "FILE",
    "TARGET",
    "TIME",
    "VALUE",
    "DataSet",
    "build_data_set",
    "write_data_set",
]

FILE = "training.parquet"
TARGET = "leadscore_converted"
VALUE, CURRENCY = "leadscore_value", "leadscore_currency"
EXTRA = (VALUE, CURRENCY, TIME, *PLACE)
"""Columns that are no features."""
RECOMMENDED_ROWS = 10_000
BLOCK_ROWS = 50_000
"""Rows of a row group of the file; memory holds one group while the file is written."""
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set on disk.

    Attributes
    ----------
    path, sha256
        The file and its hash.
    times
        int64, shape (n,): time of each row, ascending, milliseconds since 1970.
    positives
        Number of rows that converted.
    counts
        Number of the other records, by the reason why they are no rows.
    warnings
        Sentences.
    """

    path: Path
    sha256: str
    times: NDArray[np.int64] = field(repr=False)
    positives: int
    counts: LabelCounts
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.times)


async def build_data_set(
    settings: Settings,
    plan: RetrainPlan,
    bundle: Bundle,
    folder: Path,
    on_step: Progress = lambda _: None,
) -> DataSet:
    """Read the plan's ranges, and write the data set into a folder.

    The same plan gives the same rows, as long as the topics keep them.

    Parameters
    ----------
    settings
        Those of the plan (``RetrainPlan.settings_of``).
    plan
        The ranges and the cut.
    bundle
        The model in production.
    folder
        Where to.
    on_step
        Called with the name of each step when it begins.

    Raises
    ------
    InputError
        There are fewer rows than ``retrain_min_rows``.
    FatalError
        Kafka stopped answering.
    """
    on_step("reading outcomes")
    outcomes = KnownOutcomes(settings)
    async for records in read_ranges(settings, plan.outcomes_topic, plan.outcomes):
        outcomes.add(records)
    on_step("reading leads")
    leads = LeadRows(bundle, settings, plan.cut, folder)
    async for records in read_ranges(settings, plan.leads_topic, plan.leads, plan.archive):
        leads.add(records)
    on_step("writing the data set")
    data = write_data_set(settings, plan, outcomes, leads, folder)
    (folder / SPOOL).unlink()  # the disk may need the room for training
    return data


def write_data_set(
    settings: Settings,
    plan: RetrainPlan,
    outcomes: KnownOutcomes,
    leads: LeadRows,
    folder: Path,
) -> DataSet:
    """Join leads and outcomes that were read, and write the file.

    Raises
    ------
    InputError
        There are fewer rows than ``retrain_min_rows``.
    """
    times = leads.times
    labelled = label_leads(leads.keys, times, outcomes.by_lead, plan.cut)
    labelled.counts.records += leads.too_old + leads.immature
    labelled.counts.too_old += leads.too_old
    labelled.counts.immature += leads.immature
    warnings = _check_rows(len(labelled.rows), settings, labelled.counts, outcomes, leads)
    path = folder / FILE
    sha256 = _write(path, leads, labelled.rows, labelled.successes)
    return DataSet(
        path=path,
        sha256=sha256,
        times=times[labelled.rows],
        positives=int(labelled.converted.sum()),
        counts=labelled.counts,
        warnings=warnings,
    )


def _check_rows(
    rows: int, settings: Settings, counts: LabelCounts, outcomes: KnownOutcomes, leads: LeadRows
) -> tuple[str, ...]:
    least = settings.retrain_min_rows
    if rows < least:
        raise InputError(
            f"expected at least {least:,} leads with a known outcome, but there are {rows:,} (of"
            f" {counts.records:,} records {counts.immature:,} are too young and {counts.too_old:,}"
            f" too old; there are {counts.outcomes:,} final outcomes): wait for more, read an"
            " archive (LEADSCORE_RETRAIN_ARCHIVE), or lower LEADSCORE_RETRAIN_MIN_ROWS; for leads"
            " that were loaded long after their created_at, set LEADSCORE_RETRAIN_TIME=created"
        )
    warnings = []
    if rows < RECOMMENDED_ROWS:
        warnings.append(
            f"{rows:,} leads are few, under {RECOMMENDED_ROWS:,}: the figures are rough."
        )
    for number, what in ((leads.invalid, "leads"), (outcomes.invalid, "outcomes")):
        if number:
            warnings.append(f"Records that are no {what} were left out: {number:,}.")
    return tuple(warnings)


def _write(
    path: Path, leads: LeadRows, rows: NDArray[np.int64], successes: Sequence[KnownOutcome | None]
) -> str:
    """Write the file, a block of rows at a time; return its hash."""
    pa, writer = load_pyarrow(), None
    try:
        for start in range(0, len(rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            table = _labelled(pa, leads.take(rows[block]), successes[block])
            if writer is None:
                writer = pa.parquet.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _labelled(pa: Any, table: Any, successes: Sequence[KnownOutcome | None]) -> Any:
    """Return rows with their outcomes, which stand before time and place."""
    labels = {
        TARGET: pa.array([success is not None for success in successes], pa.bool_()),
        VALUE: pa.array([each and each.amount for each in successes], pa.float64()),
        CURRENCY: pa.array([each and each.currency for each in successes], pa.string()),
    }
    columns = dict(zip(table.column_names, table.columns, strict=True))
    last = {name: columns.pop(name) for name in (TIME, *PLACE)}
    return pa.table({**columns, **labels, **last})
