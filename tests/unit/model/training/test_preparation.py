"""From a table to labelled leads: what is refused, left out, put in order and warned of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from features.table_file import parse_table
from model.training.options import TrainOptions
from model.training.preparation import Prepared, prepare
from model.training.sufficiency import LEAST_OF_A_KIND
from schemas.errors import InputError
from schemas.fields import FieldKind

ROWS = 2 * LEAST_OF_A_KIND


def prepared(*, rows: int = ROWS, outcomes: Any = None, **options: Any) -> Prepared:
    """Prepare a file whose times run backwards from row to row."""
    random = np.random.default_rng(1)
    lines = ["id,opened,size,source,won"]
    for row in range(rows):
        won = outcomes(row) if outcomes else ("yes", "no")[row % 2]
        day = f"2024-{12 - row // 28 % 12:02d}-{28 - row % 28:02d}"
        lines.append(f"L{row},{day},{random.normal():.4f},{'ab'[row % 3 > 0]},{won}")
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    return prepare(table, TrainOptions(target="won", **options))


def test_labels_and_fields_are_read() -> None:
    data = prepared(id="id")
    assert (data.target, data.positive, data.order) == ("won", "yes", None)
    assert data.leads.labels.tolist() == [True, False] * LEAST_OF_A_KIND
    assert data.leads.kinds["size"] is FieldKind.NUMBER
    assert "id" not in data.leads.kinds
    assert data.inferred.dropped["id"] == "the lead's id (--id)"


def test_with_a_time_rows_are_in_its_order() -> None:
    data = prepared(time="opened")
    assert data.order == "opened"
    created = data.leads.columns["created_at"]
    assert (np.diff(created) >= 0).all()
    assert data.leads.labels.tolist() == [False, True] * LEAST_OF_A_KIND


def test_with_ordered_the_file_is_the_order() -> None:
    assert prepared(ordered=True).order == "the file"


def test_rows_without_an_outcome_are_left_out_and_counted() -> None:
    data = prepared(
        rows=ROWS + 20, outcomes=lambda row: "" if row >= ROWS else ("yes", "no")[row % 2]
    )
    assert len(data.leads) == ROWS
    assert data.labels.missing == 20
    assert "20 rows without a target were left out." in data.warnings


def test_outcomes_that_no_option_names_are_left_out_and_listed() -> None:
    data = prepared(
        rows=ROWS + 20,
        outcomes=lambda row: "open" if row >= ROWS else ("yes", "no")[row % 2],
        positive=("yes",),
        negative=("no",),
    )
    assert data.labels.ignored == {"open": 20}
    assert any("20 rows were left out" in w and "'open' (20)" in w for w in data.warnings)


def test_few_rows_and_positives_are_warned_of() -> None:
    warnings = prepared().warnings
    assert any(f"{ROWS} rows are few" in warning for warning in warnings)
    assert any(f"{LEAST_OF_A_KIND} positives are few" in warning for warning in warnings)


def test_too_few_of_a_kind_are_refused() -> None:
    with pytest.raises(InputError, match=r"has 39 positives and 39 negatives; a model needs at"):
        prepared(rows=ROWS - 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"time": "opened", "ordered": True}, "--time and --ordered exclude each other"),
        ({"matured": timedelta(days=1)}, "--matured needs --time COLUMN"),
        ({"id": "opened", "time": "opened"}, "the column is the time"),
        ({"exclude": ("won",)}, "the target 'won' is also excluded"),
        ({"text": ("id",), "id": "id"}, "--text 'id': the column is the lead's id"),
        ({"kinds": {"source": FieldKind.NUMBER}, "text": ("source",)}, "--text says that it is"),
        ({"exclude": ("nowhere",)}, "nowhere"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        prepared(**options)


def test_a_missing_time_is_named_by_its_row() -> None:
    lines = ["opened,size,won"] + [
        f"{'' if row == 6 else '2024-01-01'},{row * 7 % 31},{('yes', 'no')[row % 2]}"
        for row in range(ROWS)
    ]
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    with pytest.raises(InputError, match=r"is missing in 1 rows \(the first is row 7\)"):
        prepare(table, TrainOptions(target="won", time="opened"))


def test_a_contract_is_derived_with_the_fields_and_the_envelope() -> None:
    names = [field["name"] for field in prepared(id="id", name="deals").contract["fields"]]
    assert {"lead_id", "created_at", "size", "source"} <= {*names}
    assert "won" not in names
