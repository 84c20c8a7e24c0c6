"""The reasons of a trained model are the fields that decide the outcome in the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.offline import OfflineScorer
from features.matrix import Features
from features.table_file import parse_table
from model.bundle import load_bundle
from model.registry import Registry
from model.serving.predictor import open_predictor
from model.training.boosting import BoostingParameters
from model.training.options import TrainOptions
from model.training.train import train
from model.training.xgboost_trainer import XgboostTrainer
from schemas.fields import FieldKind

OLD = Path(__file__).parents[3] / "contract" / "bundles"
ROWS = 900
QUICK = XgboostTrainer(BoostingParameters(trees=30, max_depth=3, eta=0.2, min_child_weight=5.0))
WORDS = ("office", "demo", "student", "growth", "meeting", "phone", "market", "event")


def reasons_of(
    folder: Path, header: str, lines: list[str], field: str, kind: FieldKind, **options: Any
) -> list[dict[str, Any]]:
    """Train on lines of CSV, score them, and return the reason of a field, lead by lead."""
    content = "\n".join([header, *lines]).encode()
    trained = train(
        parse_table(content, "leads.csv"),
        TrainOptions(target="won", id="lead", trainer=QUICK, threads=1, **options),
    )
    Registry(folder).publish("leads", trained.artefacts)
    bundle = load_bundle(Registry(folder).resolve("leads"), None)
    assert bundle.metadata.spec.kinds[field] is kind
    spec = bundle.metadata.spec
    table = parse_table(content, "leads.csv").with_fields_of(spec.names)
    columns = table.columns_for(spec.kinds, spec.file_readings)
    rows = OfflineScorer(bundle, open_predictor(bundle)).score(columns, len(lines))
    return [
        next((reason for reason in row["reasons"] if reason["feature"] == field), {})
        for row in rows
    ]


def test_where_the_hour_decides_reasons_name_the_hour(tmp_path: Path) -> None:
    """They named the weekday: "opened Sun (+1.34)"."""
    draw = np.random.default_rng(5)
    hours = draw.integers(24, size=ROWS)
    won = draw.random(ROWS) < np.where(hours >= 20, 0.9, 0.1)
    lines = [
        f"L{i},2024-{draw.integers(1, 13):02}-{draw.integers(1, 29):02}T{hour:02}:05:00Z,"
        f"{draw.choice(['web', 'ad'])},{int(is_won)}"
        for i, (hour, is_won) in enumerate(zip(hours, won, strict=True))
    ]
    found = reasons_of(tmp_path, "lead,opened,source,won", lines, "opened", FieldKind.DATE)
    late = [(hour, reason) for hour, reason in zip(hours, found, strict=True) if hour >= 20]
    assert len(late) > 100
    for hour, reason in late:
        assert reason["contribution"] > 1
        assert reason["value"] == f"at {hour} h"
    strong = [(h, r) for h, r in zip(hours, found, strict=True) if abs(r["contribution"]) > 0.3]
    assert np.mean([r["value"] == f"at {h} h" for h, r in strong]) > 0.98


def test_where_a_keyword_decides_reasons_name_the_keyword(tmp_path: Path) -> None:
    """They named the length: "note 39 characters (+2.17)"."""
    draw = np.random.default_rng(6)
    notes = [
        " ".join(draw.choice(WORDS, 4)) + (" pricing" if draw.random() < 0.4 else " invoice")
        for _ in range(ROWS)
    ]
    won = draw.random(ROWS) < np.where(["pricing" in note for note in notes], 0.9, 0.1)
    lines = [
        f"L{i},{note},{draw.choice(['web', 'ad'])},{int(is_won)}"
        for i, (note, is_won) in enumerate(zip(notes, won, strict=True))
    ]
    found = reasons_of(
        tmp_path, "lead,note,source,won", lines, "note", FieldKind.TEXT, text=("note",)
    )
    for note, reason in zip(notes, found, strict=True):
        if "pricing" in note:
            assert (reason["value"], reason["contribution"] > 1) == ("has 'pricing'", True)
        else:
            assert reason["contribution"] < -0.5
            assert reason["value"] in ("lacks 'pricing'", "has 'invoice'")


@pytest.mark.parametrize("missing_wins", [True, False])
def test_where_a_missing_number_decides_reasons_say_missing(
    tmp_path: Path, missing_wins: bool
) -> None:
    draw = np.random.default_rng(7)
    is_missing = draw.random(ROWS) < 0.4
    won = draw.random(ROWS) < np.where(is_missing == missing_wins, 0.9, 0.1)
    lines = [
        f"L{i},{'' if gone else draw.choice([0, 0, 0.5, 1.75, 3.25, 7.5])},"
        f"{draw.choice(['web', 'ad'])},{int(is_won)}"
        for i, (gone, is_won) in enumerate(zip(is_missing, won, strict=True))
    ]
    found = reasons_of(
        tmp_path, "lead,page_views,source,won", lines, "page_views", FieldKind.NUMBER
    )
    values = {
        is_gone: {r["value"] for r, gone in zip(found, is_missing, strict=True) if gone == is_gone}
        for is_gone in (False, True)
    }
    assert values == {True: {"missing"}, False: {"0", "0.5", "1.75", "3.25", "7.5"}}


@pytest.mark.parametrize("name", ["twice", "tracked"])
def test_a_model_of_an_older_format_calls_values_by_their_bins_as_before(name: str) -> None:
    bundle = load_bundle(str(OLD / name), None)
    metadata = bundle.metadata
    assert metadata.format_version < 3
    assert any(field.kind is FieldKind.DATE for field in metadata.spec.fields)
    matrix = metadata.golden.matrix
    n = len(matrix)
    bins = np.array([[i % field.codes for field in metadata.reference.fields] for i in range(n)])
    ones = np.ones(n, np.float32)
    prediction = open_predictor(bundle).predict(matrix)
    labels = metadata.reason_labels()
    codes = labels.codes(
        prediction.reason_field,
        prediction.reason_value,
        prediction.aspects,
        Features(matrix, bins.astype(np.int16), ones, ones),
    )
    assert prediction.aspects.shape == (n, 0)
    fields = metadata.reference.fields
    assert [[labels.texts[code][1] for code in row] for row in codes] == [
        [fields[field].labels[bins[row, field]] for field in of_row]
        for row, of_row in enumerate(prediction.reason_field.tolist())
    ]
