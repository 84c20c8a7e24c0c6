"""Trainings that are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from model.metadata import BundleError
from model.training.train import train
from schemas.errors import InputError
from tests.unit.model.training.small_leads import OPTIONS, ROWS, TABLE, table


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"target": "wno"}, r"no column 'wno' \(--target\). Did you mean 'won'"),
        ({"exclude": ("citi",)}, r"\(--exclude\). Did you mean 'city'"),
        ({"id": "nope"}, r"\(--id\)"),
        ({"text": ("nope",)}, r"\(--text\)"),
        ({"time": "nope"}, r"\(--time\)"),
        ({"time": "city"}, "expected a time"),
        ({"target": "source"}, "should have two values, but it has 3"),
        ({"target": "country"}, "one value only"),
        ({"positive": ("maybe",)}, "no value 'maybe'"),
        ({"time": None, "matured": timedelta(days=9)}, "--matured needs --time"),
        (
            {"matured": timedelta(days=999)},
            r"0 positives and 0 negatives \(.*younger than 999 days",
        ),
        ({"exclude": ("won",)}, "it can be one thing only"),
        ({"text": ("notes", "won")}, "the column is the target"),
        ({"ordered": True}, "exclude each other"),
        (
            {"exclude": ("company.size", "city", "source", "opt_in", "notes"), "text": ()},
            "no column left to learn from",
        ),
    ],
)
def test_options_that_contradict_the_table_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        train(TABLE, replace(OPTIONS, **change))


@pytest.mark.parametrize(("few", "many"), [("yes", "no"), ("no", "yes")])
def test_too_few_of_a_kind_are_refused(few: str, many: str) -> None:
    made = [{**row, "won": few if i < 39 else many} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"39 (positives|negatives).*at least 40 of each"):
        train(table(made), OPTIONS)


def test_forty_of_a_kind_are_enough() -> None:
    made = [{**row, "won": "yes" if i % 30 == 0 else "no"} for i, row in enumerate(ROWS)]
    report = train(table(made), replace(OPTIONS, time=None, exclude=("created",))).report
    assert report.positives == 40


def test_an_export_that_scores_otherwise_gives_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.training.export.parity", lambda *_: 2e-6)
    with pytest.raises(BundleError, match="differ from the trainer's by up to 2e-06"):
        train(TABLE.slice(0, 400), OPTIONS)
