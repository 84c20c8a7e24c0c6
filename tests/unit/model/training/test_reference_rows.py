"""The sample of training leads in a bundle: at most 10,000, evenly taken, and no word of a lead."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.binning import build_reference
from features.matrix import FeatureEncoder
from features.reference_sample import SCORE
from model.training import reference_rows as module
from model.training.reference_rows import reference_rows
from model.training.specify import Leads, fit_spec
from schemas.fields import FieldKind

N = 300


def written(monkeypatch: pytest.MonkeyPatch, most: int) -> dict[str, list[Any]]:
    monkeypatch.setattr(module, "ROWS", most)
    kinds = {"size": FieldKind.NUMBER, "source": FieldKind.CATEGORY}
    columns: dict[str, Any] = {
        "size": np.arange(N, dtype=float),
        "source": [("somebody's words", "web")[row % 2] for row in range(N)],
    }
    leads = Leads.of(kinds, columns, np.arange(N) % 3 == 0)
    scores = np.linspace(0.0, 1.0, N)
    spec = fit_spec(leads)
    reference = build_reference(spec, leads.columns, N, scores)
    encoder = FeatureEncoder(spec, reference)
    features = encoder.encode(leads.columns, N)
    content = reference_rows(leads, encoder, reference, features, scores)
    found: dict[str, list[Any]] = pq.read_table(io.BytesIO(content)).to_pydict()
    return found


def test_few_leads_are_all_kept_with_their_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    found = written(monkeypatch, most=10_000)
    assert {len(column) for column in found.values()} == {N}
    assert found["number.size"] == [float(row) for row in range(N)]
    np.testing.assert_allclose(found[SCORE], np.linspace(0, 1, N), rtol=1e-6)


def test_some_of_many_leads_are_taken_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = written(monkeypatch, most=100)["number.size"]
    assert len(sizes) == 100
    assert (sizes[0], sizes[-1]) == (0.0, N - 1.0)
    assert set(np.diff(np.array(sizes, dtype=float))) <= {3.0, 4.0, 2.0}
