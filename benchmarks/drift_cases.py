"""Test cases of drift detection: the bank's leads, unchanged and shifted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_replay import Leads
from features.binning import build_reference
from features.counts import CountLayout
from features.matrix import Columns, FeatureEncoder
from features.reference import Reference
from features.table import Table
from features.table_file import read_table
from model.serving.prediction import Predictor
from model.serving.predictor import open_predictor
from model.training.train import TrainOptions, train
from schemas.fields import FieldKind

__all__ = ["Bank", "Rows", "Shift", "day_and_night", "draw", "months", "shifts"]

CONTACTS = Path(__file__).parents[1] / "data/bank_marketing/contacts.csv.gz"
PAST = 0.6
"""Share of the contacts for the model, the earliest ones up to November 2008, when the economy
changed."""
TRAINED = 0.7
"""Random share of these for training; leads are drawn from the others."""
SEED = 11
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
MS_A_LEAD = 240
"""250 leads a minute: 1,250 a window of 5 minutes."""
OF_THE_TIME = (
    "month",
    "emp_var_rate",
    "cons_price_idx",
    "cons_conf_idx",
    "euribor3m",
    "nr_employed",
)
"""Fields that are the same for all leads of a day."""
SLOW_MS_A_LEAD = 1000
"""60 leads a minute, for cases that span days."""
YOUNG = 36
"""Age in years. At night, from 20 to 8, leads below it are nine times as likely as the others."""
DAYS = 3


@dataclass(frozen=True)
class Rows:
    """Leads to draw from, raw and as the service counts them."""

    columns: Columns
    scores: NDArray[np.float32]
    codes: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Return a selection of the rows."""
        columns = {
            name: v[rows] if isinstance(v, np.ndarray) else [v[i] for i in rows]
            for name, v in self.columns.items()
        }
        return Rows(columns, self.scores[rows], self.codes[rows])


class Bank:
    """A model of the bank's first contacts, and its other contacts."""

    def __init__(self) -> None:
        table = read_table(CONTACTS)
        past = np.random.default_rng(SEED).permutation(round(table.rows * PAST))
        cut = round(len(past) * TRAINED)
        learnt = table.take(np.sort(past[:cut]))
        trained = train(
            learnt, TrainOptions(target="y", id="lead_id", time="created_at", exclude=("duration",))
        )
        self._table = table
        self._predictor: Predictor = open_predictor(trained.artefacts)
        self.metadata = trained.metadata
        self.layout = CountLayout(trained.metadata.reference)
        self.trained = self.read(learnt)
        self.rows = self.read(table.take(past[cut:]))
        self.later = self.read(table.slice(len(past), table.rows))

    def read(self, table: Table) -> Rows:
        """Read leads as the service does: features, bins, scores."""
        kinds = {field.name: field.kind for field in self.metadata.spec.fields}
        return self.encoded(table.columns_for(kinds), table.rows)

    def encoded(self, columns: Columns, n: int, reference: Reference | None = None) -> Rows:
        """Encode and score columns of leads."""
        reference = reference or self.metadata.reference
        encoder = FeatureEncoder(self.metadata.spec, reference)
        features = encoder.encode(columns, n)
        scores = self._predictor.predict(features.matrix).probability
        return Rows(columns, scores, encoder.counted_bins(features))

    def changed(self, field: str, values: NDArray[np.float64] | Sequence[str | None]) -> Rows:
        """Return the rows with other values of a field."""
        return self.encoded({**self.rows.columns, field: values}, len(self.rows))

    def older(self, deviations: float) -> Rows:
        """Return the rows with a higher age, by a number of standard deviations."""
        ages = np.asarray(self.rows.columns["age"])
        return self.changed("age", ages + deviations * np.nanstd(ages))

    @cached_property
    def by_month(self) -> dict[str, Rows]:
        """Return the contacts of each month, by month such as 2008-05."""
        times = np.asarray(self._table.columns_for({"created_at": FieldKind.DATE})["created_at"])
        month = times.astype("datetime64[ms]").astype("datetime64[M]").astype(str)
        names = list(dict.fromkeys(month.tolist()))
        return {name: self.read(self._table.take(np.flatnonzero(month == name))) for name in names}


@dataclass(frozen=True)
class Shift:
    """A shift: the rows before and after it, and the reference to compare with."""

    name: str
    layout: CountLayout
    """The reference, as bins."""
    before: Rows
    after: Rows
    share: float = 1.0
    """Share of shifted leads after it."""

    def leads(self, before: int, after: int, seed: int) -> Leads:
        """Draw leads."""
        random = np.random.default_rng(seed)
        drawn = draw(self.before, before + after, random)
        shifted = draw(self.after, after, random)
        rows = before + np.flatnonzero(random.random(after) < self.share)
        drawn.scores[rows] = shifted.scores[rows - before]
        drawn.codes[rows] = shifted.codes[rows - before]
        return drawn


def day_and_night(bank: Bank, after: Rows | None, seed: int) -> tuple[CountLayout, Leads, int]:
    """Draw three days of leads that are younger at night, shifted from the third noon on.

    Parameters
    ----------
    bank
        The model and rows.
    after
        The same leads, shifted; None: no shift.
    seed
        Random seed.

    Returns
    -------
    CountLayout, Leads, int
        The reference of other whole days, the leads, and the number of leads before the shift.
    """
    random = np.random.default_rng(seed)
    by_night = np.where(np.asarray(bank.rows.columns["age"]) < YOUNG, 9.0, 1.0)
    events = np.arange(0, DAYS * DAY_MS, SLOW_MS_A_LEAD)
    hour = events % DAY_MS // HOUR_MS

    def drawn() -> NDArray[np.intp]:
        night = random.choice(len(bank.rows), len(events), p=by_night / by_night.sum())
        day = random.integers(0, len(bank.rows), len(events))
        return np.where((hour < 8) | (hour >= 20), night, day)

    learnt = bank.rows.take(drawn()[: DAY_MS // SLOW_MS_A_LEAD])
    reference = build_reference(bank.metadata.spec, learnt.columns, len(learnt), learnt.scores)
    rows, shift_at = drawn(), (2 * DAY_MS + 12 * HOUR_MS) // SLOW_MS_A_LEAD
    usual, shifted = (
        bank.encoded(columns.columns, len(columns), reference)
        for columns in (bank.rows, after or bank.rows)
    )
    is_after = np.arange(len(events)) >= shift_at
    scores = np.where(is_after, shifted.scores[rows], usual.scores[rows])
    codes = np.where(is_after[:, None], shifted.codes[rows], usual.codes[rows])
    return CountLayout(reference), Leads(events, scores, codes), shift_at


def draw(rows: Rows, n: int, random: np.random.Generator) -> Leads:
    """Draw leads with replacement, evenly spread over time."""
    drawn = random.integers(0, len(rows), n)
    return Leads(np.arange(n) * MS_A_LEAD, rows.scores[drawn], rows.codes[drawn])


def shifts(bank: Bank) -> Sequence[Shift]:
    """Return shifts of several sizes: artificial ones, and real leads of later years."""
    ages = np.asarray(bank.rows.columns["age"])
    nobody, pilots = bank.changed("age", ages * np.nan), bank.changed("job", ["pilot"] * len(ages))

    def made_up(name: str, after: Rows, share: float = 1.0) -> Shift:
        return Shift(name, bank.layout, bank.rows, after, share)

    return [
        *(made_up(f"age + {size} sd", bank.older(size)) for size in (0.1, 0.25, 0.5, 1.0)),
        *(made_up(f"age missing, {share:.0%}", nobody, share) for share in (0.05, 0.1, 0.3)),
        *(made_up(f"job unseen, {share:.0%}", pilots, share) for share in (0.05, 0.1, 0.3)),
        *(
            made_up(f"later leads, {share:.0%}", bank.later, share)
            for share in (0.1, 0.25, 0.5, 1.0)
        ),
    ]


def months(bank: Bank) -> Sequence[Shift]:
    """Return shifts from one real month to another, in the fields of the clients and the score."""
    pairs = (
        ("2008-05", "2008-06"),
        ("2008-06", "2008-07"),
        ("2008-07", "2008-08"),
        ("2008-05", "2009-05"),
    )
    return [_months(bank, before, after) for before, after in pairs]


def _months(bank: Bank, before: str, after: str) -> Shift:
    learnt = bank.by_month[before]
    reference = build_reference(bank.metadata.spec, learnt.columns, len(learnt), learnt.scores)
    kept = [i for i, f in enumerate(reference.fields) if f.name not in OF_THE_TIME]
    # The bank has no aspects besides.
    own = Reference(fields=tuple(reference.fields[i] for i in kept), score=reference.score)

    def counted(rows: Rows) -> Rows:
        codes = bank.encoded(rows.columns, len(rows), reference).codes[:, kept]
        return Rows(rows.columns, rows.scores, codes)

    return Shift(
        f"{before} to {after}", CountLayout(own), counted(learnt), counted(bank.by_month[after])
    )
