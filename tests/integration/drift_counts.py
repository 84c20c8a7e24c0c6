"""Expected drift counts, computed from the log without the code under test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from agents.drift_reports import decode_report
from features.matrix import FeatureEncoder
from model.bundle import Bundle
from model.serving.predictor import open_predictor
from schemas.decode import LeadDecoder
from schemas.store import SchemaStore

Counts = Mapping[int, Counter[tuple[str, int]]]
"""By window start: how many leads had which code of which field; "" stands for the leads."""


def counted_offline(
    records: Iterable[Any],
    bundle: Bundle,
    window_ms: int,
    store: SchemaStore | None = None,
    **options: Any,
) -> Counts:
    """Count the leads of a log one by one, decoded as the options say."""
    records = list(records)
    metadata = bundle.metadata
    decoder = LeadDecoder(store or SchemaStore.load(), metadata.spec.kinds, **options)
    leads = decoder.decode([record.value for record in records])
    encoder = FeatureEncoder(metadata.spec, metadata.reference)
    features = encoder.encode(leads.columns, len(leads.positions))
    bins = encoder.counted_bins(features).tolist()
    scores = open_predictor(bundle).predict(features.matrix).probability
    score_codes = metadata.reference.score.codes_of(scores.astype(float)).tolist()
    names = [field.name for field in metadata.reference.counted]
    counts: dict[int, Counter[tuple[str, int]]] = {}
    rows = zip(leads.positions, leads.created_at, bins, score_codes, strict=True)
    for position, created_at, codes, score_code in rows:
        event = min(created_at, records[position].timestamp)
        window = counts.setdefault(event - event % window_ms, Counter())
        window["", 0] += 1
        window["score", score_code] += 1
        window.update(zip(names, codes, strict=True))
    return counts


def reported(values: Iterable[bytes], bundle: Bundle) -> Counts:
    """Return the counts of closed windows; of several reports, that of the most leads."""
    reference = bundle.metadata.reference
    places = [(field.name, code) for field in reference.counted for code in range(field.codes)]
    places += [("score", code) for code in range(reference.score.codes)]
    counts: Counts = {}
    for record in map(decode_report, values):
        if record["kind"] == "window":
            assert record["model_sha256"] == bundle.sha256
            found = zip(record["codes"], record["counts"], strict=True)
            window = Counter({places[code]: count for code, count in found})
            window["", 0] = record["leads"]
            known = counts.get(record["window_start"])
            if known is None or known["", 0] < window["", 0]:
                counts[record["window_start"]] = window
    return counts
