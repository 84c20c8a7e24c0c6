"""Leads by column: only those of the window, only the fields of the model in production."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agents.retraining.point_in_time import Cut, lead_key
from stream.retraining.lead_rows import PLACE, TIME, LeadRows
from stream.settings import load_settings
from tests.unit.small_model import LEADS, SmallModel

HOUR = 3_600_000
FIRST = 1_700_000_000_000


def records_of(model: SmallModel) -> list[Any]:
    return [
        SimpleNamespace(
            partition=2, offset=i, timestamp=FIRST + i * HOUR, key=b"", value=value, headers=()
        )
        for i, value in enumerate(model.values())
    ]


@pytest.fixture
def rows(model: SmallModel, tmp_path: Path) -> LeadRows:
    cut = Cut(at=FIRST + 300 * HOUR, horizon_ms=100 * HOUR, window_ms=150 * HOUR)
    rows = LeadRows(model.bundle, load_settings(), cut, tmp_path)
    records = records_of(model)
    rows.add(records[:130])
    rows.add([*records[130:], SimpleNamespace(**{**vars(records[0]), "value": b"{}"})])
    return rows


def test_records_outside_of_the_window_are_counted_and_not_kept(rows: LeadRows) -> None:
    assert (len(rows), rows.too_old, rows.immature, rows.invalid) == (151, 50, LEADS - 201, 1)
    assert rows.keys[0].tobytes() == lead_key(b"L-50")


def test_values_are_those_that_the_model_reads(rows: LeadRows, model: SmallModel) -> None:
    chosen = np.array([0, 100])
    views = np.asarray(model.columns["page_views"])[[50, 150]]
    found = rows.take(chosen)
    assert np.array_equal(found["page_views"].to_numpy(), views, equal_nan=True)
    titles = model.columns["job_title"]
    assert found["job_title"].to_pylist() == [titles[50], titles[150]]


def test_a_row_has_its_times_and_its_place(rows: LeadRows) -> None:
    [row] = rows.take(np.array([0])).to_pylist()
    assert [row[name] for name in PLACE] == [2, 50]
    assert rows.times[0] == FIRST + 50 * HOUR
    assert {row[TIME].timestamp(), row["created_at"].timestamp()} == {rows.times[0] / 1000}
