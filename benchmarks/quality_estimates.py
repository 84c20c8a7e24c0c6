"""AUC estimated from scores alone (CBPE) against the truth, on the bank's contacts.

    python -m benchmarks.quality_estimates

A model of 70 % of the first 60 % of the contacts scores the other 30 % of these, which nothing has
changed but the mix of leads, and the later contacts in blocks of 2,000.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_cases import CONTACTS, PAST, SEED, TRAINED
from features.matrix import FeatureEncoder
from features.table import Table
from features.table_file import read_table
from model.serving.predictor import open_predictor
from model.training.train import TrainOptions, train
from monitoring.quality.counts import QualityCounts
from monitoring.quality.estimated import estimated_quality
from monitoring.quality.ranking import auc
from monitoring.quality.scored_outcomes import ScoredOutcomes
from schemas.fields import FieldKind

BLOCK = 2000
LEAST = 300
"""Contacts of a segment below which it is left out."""
FIELDS = ("contact", "job", "marital", "month")

Case = tuple[str, NDArray[np.intp]]


class ScoredTable:
    """Contacts with scores and outcomes."""

    def __init__(self, table: Table, scores: NDArray[np.float32]) -> None:
        self._table, self._scores = table, scores
        self._outcomes = np.array([text == "yes" for text in self.column("y")], dtype=np.int8)

    def column(self, name: str) -> list[str | None]:
        """Return the values of a column."""
        return list(self._table.columns_for({name: FieldKind.CATEGORY})[name])

    def __len__(self) -> int:
        return len(self._scores)

    def compare(self, rows: NDArray[np.intp]) -> tuple[int, str, str, str]:
        """Return the number of contacts, the estimated AUC, the true one, and mean and rate."""
        leads = ScoredOutcomes(self._scores[rows], self._outcomes[rows])
        counts = QualityCounts.count(leads)
        estimated, true = estimated_quality(counts), auc(counts.table[:, 0], counts.table[:, 1])
        assert estimated is not None
        assert true is not None
        rate = counts.positives / counts.known
        return (
            len(rows),
            f"{estimated.auc.value:.3f} ({estimated.auc.low:.3f}-{estimated.auc.high:.3f})",
            f"{true.value:.3f} ({true.low:.3f}-{true.high:.3f})",
            f"{counts.mean_score:.1%} / {rate:.1%}",
        )


def segments(scored: ScoredTable) -> Iterator[Case]:
    """Yield the contacts of each larger segment: other leads, with nothing else changed."""
    yield "all held-out contacts", np.arange(len(scored))
    for field in FIELDS:
        values = np.array(scored.column(field), dtype=object)
        for value in sorted({str(value) for value in values}):
            rows = np.flatnonzero(values == value)
            if len(rows) >= LEAST:
                yield f"{field} {value}", rows


def blocks(scored: ScoredTable) -> Iterator[Case]:
    """Yield the contacts in blocks, in the order of time."""
    for start in range(0, len(scored) - BLOCK // 2, BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(scored)))
        yield f"later contacts from {start:,}", rows


def main() -> None:
    """Train, score, and print a table in Markdown."""
    table = read_table(CONTACTS)
    past = np.random.default_rng(SEED).permutation(round(table.rows * PAST))
    cut = round(len(past) * TRAINED)
    options = TrainOptions(target="y", id="lead_id", time="created_at", exclude=("duration",))
    trained = train(table.take(np.sort(past[:cut])), options)
    predictor, metadata = open_predictor(trained.artefacts), trained.metadata
    encoder = FeatureEncoder(metadata.spec, metadata.reference)

    def scored(rows: Table) -> ScoredTable:
        kinds = {field.name: field.kind for field in metadata.spec.fields}
        features = encoder.encode(rows.columns_for(kinds), rows.rows)
        return ScoredTable(rows, predictor.predict(features.matrix).probability)

    held_out = scored(table.take(np.sort(past[cut:])))
    later = scored(table.slice(len(past), table.rows))
    print("| contacts | number | estimated AUC | true AUC | mean score / conversion |")
    print("|---|---|---|---|---|")
    for of, cases in ((held_out, segments(held_out)), (later, blocks(later))):
        for name, rows in cases:
            print("|", " | ".join(map(str, (name, *of.compare(rows)))), "|")


if __name__ == "__main__":
    main()
