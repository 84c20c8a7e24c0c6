"""Bins of further aspects: what drift counts of a date and a text besides one bin a field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from features.binning import build_reference
from features.counts import CountLayout
from features.date_values import HOUR_MS
from features.field_spec import DAY_MS, DateField, DatePart, NumberField, TextField
from features.matrix import FeatureEncoder
from features.reference import Reference
from features.spec import FeatureSpec
from tests.chaos.second_audit.model_bins import ModelBins

NAN = float("nan")
PARTS = (DatePart.HOUR, DatePart.WEEKDAY, DatePart.MONTH, DatePart.AGE)
SPEC = FeatureSpec(
    composed=True,
    fields=(
        NumberField(name="visits"),
        TextField(name="note", keywords=("demo", "price")),
        DateField(name="seen", parts=PARTS),
        DateField(name="signed", parts=(DatePart.WEEKDAY, DatePart.AGE), whole_days=True),
        DateField(name="created_at", parts=(DatePart.HOUR, DatePart.WEEKDAY)),
        TextField(name="title"),
    ),
)
NOTES = ("What is the price?", "price of a DEMO", "a demo", "just looking around", None, "n/a", "x")


def columns(n: int, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    created = (19_000 + 400 * random.random(n)) * DAY_MS // 1
    ages = random.exponential(40, n) - 5
    seen = np.where(random.random(n) < 0.1, NAN, created - ages * DAY_MS // 1)
    return {
        "visits": random.normal(size=n),
        "note": [NOTES[i] for i in random.integers(0, len(NOTES), n)],
        "seen": seen,
        "signed": np.where(random.random(n) < 0.1, NAN, created - 30 * DAY_MS * random.random(n)),
        "created_at": created,
        "title": [NOTES[i] for i in random.integers(0, 4, n)],
    }


N = 3000
COLUMNS = columns(N, 1)
SCORES = np.linspace(0, 1, N, dtype=np.float32)
REFERENCE = build_reference(SPEC, COLUMNS, N, SCORES)
ENCODER = FeatureEncoder(SPEC, REFERENCE)
NAMES = tuple(bins.name for bins in REFERENCE.aspects)


def codes(name: str, **values: Any) -> list[int]:
    n = len(next(iter(values.values())))
    nothing: dict[str, Any] = {
        "visits": np.full(n, NAN),
        "note": [None] * n,
        "seen": np.full(n, NAN),
        "signed": np.full(n, NAN),
        "created_at": np.full(n, NAN),
        "title": [None] * n,
    }
    features = ENCODER.encode({**nothing, **values}, n)
    return ENCODER.counted_bins(features)[:, len(SPEC.fields) + NAMES.index(name)].tolist()


def label(name: str, code: int) -> str:
    return REFERENCE.aspects[NAMES.index(name)].labels[code]


def test_the_aspects_are_those_of_the_columns_without_the_calendar() -> None:
    assert (
        *("note:words", "note:keyword", "seen:hour", "seen:age", "signed:age", "created_at:hour"),
        "title:words",
    ) == NAMES


def test_hours_are_bins_of_their_own() -> None:
    found = codes("seen:hour", seen=np.array([0, 23 * HOUR_MS, 5.5 * HOUR_MS, NAN]))
    assert found == [0, 23, 5, 25]
    assert [label("seen:hour", code) for code in found] == ["0 h", "23 h", "5 h", "missing"]


def test_the_rarest_keyword_counts() -> None:
    found = codes("note:keyword", note=[*NOTES, "No Demo"])
    assert found == [1, 1, 0, 2, 4, 4, 2, 0]
    assert [label("note:keyword", code) for code in (0, 2)] == ["demo", "no keyword"]


def test_ages_are_binned_as_the_model_reads_them() -> None:
    created = np.array([100.0, 100.0, NAN, 100.0]) * DAY_MS
    bins = REFERENCE.aspects[NAMES.index("seen:age")]
    edge = bins.edges[3]
    seen = created - np.array([edge, np.nextafter(np.float32(edge), -np.inf), 3, NAN]) * DAY_MS
    seen[2] = 0.0
    found = codes("seen:age", seen=seen, created_at=created)
    assert found == [4, 3, bins.missing, bins.missing]
    assert "days" in bins.labels[4]


def test_the_training_data_are_counted() -> None:
    layout = CountLayout(REFERENCE)
    counted = ENCODER.counted_bins(ENCODER.encode(COLUMNS, N))
    found = layout.count(counted, SCORES, label=0.5)
    assert found.counts.tolist() == layout.reference_counts.tolist()
    assert sum(part.sum() for part in layout.parts(found.counts)) == N * (len(counted[0]) + 1)
    # A field that is there counts once, whatever it has of aspects.
    present = ENCODER.encode(COLUMNS, N).coverage.astype(float).sum() * len(SPEC.fields)
    assert found.present == pytest.approx(present)


def test_a_lead_alone_has_the_bins_of_the_batch() -> None:
    batch = ENCODER.counted_bins(ENCODER.encode(COLUMNS, N))
    for row in range(0, N, 97):
        one = {name: values[row : row + 1] for name, values in COLUMNS.items()}
        assert ENCODER.counted_bins(ENCODER.encode(one, 1)).tolist() == [batch[row].tolist()]


def test_a_reference_of_before_has_no_aspects_and_counts_as_before() -> None:
    old = Reference.model_validate(REFERENCE.model_dump(exclude={"aspects"}))
    assert not old.aspects
    encoder = FeatureEncoder(SPEC, old)
    features = encoder.encode(COLUMNS, N)
    assert encoder.counted_bins(features) is features.bins
    assert CountLayout(old).size == sum(bins.codes for bins in (*old.fields, old.score))


def test_bins_of_an_aspect_are_named_by_field_and_aspect() -> None:
    wrong = REFERENCE.aspects[0].model_dump() | {"name": "note"}
    with pytest.raises(ValidationError, match="note:words are named 'note'"):
        Reference.model_validate(REFERENCE.model_dump() | {"aspects": [wrong]})


def test_aspects_have_the_names_that_their_fields_are_shown_by() -> None:
    shown = REFERENCE.with_names(["visits", "notiz: lang", "gesehen", "signed", "created_at", "t"])
    assert [bins.name for bins in shown.aspects[:4]] == [
        *("notiz  lang:words", "notiz  lang:keyword", "gesehen:hour", "gesehen:age"),
    ]
    assert shown.counted[0].counts == REFERENCE.counted[0].counts


def test_the_audit_s_own_bins_are_the_same() -> None:
    metadata = {
        "spec": SPEC.model_dump(mode="json"),
        "reference": REFERENCE.model_dump(mode="json"),
        "thresholds": {"label": 0.5, "medium": 0.4, "high": 0.7},
    }
    audit = ModelBins("0" * 64, metadata)
    starts = CountLayout(REFERENCE).starts[:-2]
    made = columns(300, 7)
    expected = ENCODER.counted_bins(ENCODER.encode(made, 300)) + starts
    for row in range(300):
        lead = {name: values[row] for name, values in made.items()}
        known = {
            name: value for name, value in lead.items() if value is not None and value == value
        }
        places, field_codes, _ = audit.codes(known)
        assert places == expected[row].tolist()
        assert len(field_codes) == len(SPEC.fields)
