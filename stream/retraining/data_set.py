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
from features.spec import CREATED_AT
from model.bundle import Bundle
from schemas.errors import InputError
from schemas.fields import FieldKind
from stream.archive.rows import load_pyarrow
from stream.retraining.known_outcomes import KnownOutcomes
from stream.retraining.lead_rows import LeadRows
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
TARGET, TIME = "leadscore_converted", "leadscore_time"
VALUE, CURRENCY = "leadscore_value", "leadscore_currency"
PLACE = ("leadscore_partition", "leadscore_offset")
EXTRA = (VALUE, CURRENCY, TIME, *PLACE)
"""Columns that are no features."""
RECOMMENDED_ROWS = 10_000
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
    leads = LeadRows(bundle, settings, plan.cut)
    async for records in read_ranges(settings, plan.leads_topic, plan.leads, plan.archive):
        leads.add(records)
    on_step("writing the data set")
    return write_data_set(settings, plan, bundle, outcomes, leads, folder)


def write_data_set(
    settings: Settings,
    plan: RetrainPlan,
    bundle: Bundle,
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
    labelled = label_leads(leads.lead_ids, times, outcomes.by_lead, plan.cut)
    labelled.counts.records += leads.too_old + leads.immature
    labelled.counts.too_old += leads.too_old
    labelled.counts.immature += leads.immature
    warnings = _check_rows(len(labelled.rows), settings, labelled.counts, outcomes, leads)
    path = folder / FILE
    sha256 = _write(path, bundle, leads, labelled.rows, labelled.successes)
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
            " archive (LEADSCORE_RETRAIN_ARCHIVE), or lower LEADSCORE_RETRAIN_MIN_ROWS"
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
    path: Path,
    bundle: Bundle,
    leads: LeadRows,
    rows: NDArray[np.int64],
    successes: Sequence[KnownOutcome | None],
) -> str:
    """Write the file; return its hash."""
    pa = load_pyarrow()
    spec = bundle.metadata.spec
    names = {name: spec.sources.get(name, name) for name in spec.kinds if name != CREATED_AT}
    columns: dict[str, Any] = {CREATED_AT: _moments(pa, leads.created_at[rows])}
    for name, column in names.items():
        columns[column] = _values(pa, spec.kinds[name], leads.column(name, rows))
    places = leads.places[rows]
    columns[TARGET] = pa.array([success is not None for success in successes], pa.bool_())
    columns[VALUE] = pa.array([each and each.amount for each in successes], pa.float64())
    columns[CURRENCY] = pa.array([each and each.currency for each in successes], pa.string())
    columns[TIME] = _moments(pa, leads.times[rows])
    columns |= dict(zip(PLACE, (pa.array(places[:, i]) for i in (0, 1)), strict=True))
    pa.parquet.write_table(pa.table(columns), path, compression="zstd")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _values(pa: Any, kind: FieldKind, values: Any) -> Any:
    if kind is FieldKind.DATE:
        return _moments(pa, values)
    if kind is FieldKind.NUMBER:
        return pa.array(values, pa.float64(), mask=np.isnan(values))
    return pa.array(values, pa.string())


def _moments(pa: Any, ms: NDArray[Any]) -> Any:
    missing = np.isnan(ms.astype(np.float64))
    whole = np.where(missing, 0, ms).astype(np.int64)
    return pa.array(whole, pa.timestamp("ms", tz="UTC"), mask=missing)
