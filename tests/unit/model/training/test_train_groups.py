"""Training on rows that belong together: copies, ids and groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.serving.onnx_runtime import OnnxPredictor
from model.training.chance import NoSignalError, require_signal
from model.training.planning import plan_training
from model.training.train import TrainOptions, train
from schemas.errors import InputError
from tests.unit.model.training.small_leads import OPTIONS, QUICK, ROWS, table


def noise(n: int, times: int) -> list[dict[str, Any]]:
    """Leads of which nothing tells the outcome, some times over, each with an id of its own."""
    rng = np.random.default_rng(9)
    made = [
        {
            "size": f"{rng.normal():.3f}",
            "visits": f"{rng.normal():.3f}",
            "town": f"Town {rng.integers(40)}",
            "won": "yes" if rng.random() < 0.5 else "no",
        }
        for _ in range(n)
    ]
    copies = [row for row in made for _ in range(times)]
    order = rng.permutation(len(copies))
    return [{"lead_id": f"L{i}", **copies[row]} for i, row in enumerate(order.tolist())]


NOISE = TrainOptions(target="won", name="noise")


def test_noise_three_times_over_has_no_signal() -> None:
    """Trees that have seen a copy know its outcome: the AUC was 0.7."""
    trained = train(table(noise(400, 3)), NOISE)
    assert abs(trained.report.cross_validated.auc - 0.5) < 0.06
    groups = trained.metadata.training.groups
    assert groups is not None
    assert (groups.groups, groups.identical, groups.identical_sets) == (400, 1200, 400)
    assert any("1,200 rows are identical" in warning for warning in trained.report.warnings)
    assert any("1,200 rows in 400 groups are few" in warning for warning in trained.report.warnings)


def copies_of_few() -> list[dict[str, Any]]:
    """Noise: 320 failures, and 8 successes ten times over, each row with an id of its own."""
    different = noise(328, 1)
    made = [{**row, "won": "no"} for row in different[:320]]
    made += [{**row, "won": "yes"} for row in different[320:] for _ in range(10)]
    return [{**row, "lead_id": f"L{i}"} for i, row in enumerate(made)]


def test_copies_of_few_positives_are_few_positives() -> None:
    """Folds can't keep copies of eight positives together: all figures are too good."""
    warnings = plan_training(table(copies_of_few()), NOISE).warnings
    assert any("all figures of this model are too good" in warning for warning in warnings)
    assert any("80 positives in 8 groups are few" in warning for warning in warnings)


def test_copies_of_few_positives_are_no_signal() -> None:
    """Their AUC is near 1, and everything is noise."""
    trained = train(table(copies_of_few()), replace(NOISE, trainer=QUICK))
    assert trained.report.cross_validated.auc > 0.8
    assert not trained.report.verdict.has_signal
    assert trained.report.warnings[0].startswith("Not shown to be better")
    with pytest.raises(NoSignalError, match="copies of leads are in several folds"):
        require_signal(trained.metadata, "The model is not published")
    assert trained.artefacts.onnx is not None
    scores = OnnxPredictor(trained.artefacts.onnx).predict(trained.metadata.golden.matrix)
    assert scores.probability.tolist() == pytest.approx([0.2] * len(scores.probability))


def test_rows_with_the_same_id_are_in_one_fold() -> None:
    """Each lead is there three times, with other visits: its size and town give it away."""
    rng = np.random.default_rng(2)
    made = noise(400, 3)
    keys = {tuple(row.items())[1:]: f"K{i}" for i, row in enumerate(made)}
    dependent = [
        {**row, "lead_id": keys[tuple(row.items())[1:]], "visits": f"{rng.normal():.3f}"}
        for row in made
    ]
    renamed = [{"contact": row["lead_id"], **row} for row in dependent]
    for row in renamed:
        del row["lead_id"]
    quick = replace(NOISE, trainer=QUICK)
    by_default = train(table(dependent), quick).report
    given = train(table(renamed), replace(quick, id="contact")).report
    by_group = train(table(renamed), replace(quick, group="contact")).report
    grouped = [{**row, "firm": f"F{i}"} for i, row in enumerate(renamed)]
    beside = train(table(grouped), replace(quick, id="contact", group="firm")).report
    apart = train(table(renamed), replace(quick, exclude=("contact",))).report
    for report in (by_default, given, by_group, beside):
        assert abs(report.cross_validated.auc - 0.5) < 0.06
        assert any("1,200 rows share their" in warning for warning in report.warnings)
    assert by_group.dropped["contact"] == "what groups rows (--group)"
    assert apart.cross_validated.auc > 0.56


def test_a_key_that_repeats_suggests_to_group_by_it() -> None:
    made = [{**row, "customer_id": f"C{i % 400}"} for i, row in enumerate(ROWS)]
    warnings = train(table(made), replace(OPTIONS, text=())).report.warnings
    assert any("--group customer_id keeps them in one fold" in warning for warning in warnings)


def test_the_latest_leads_are_others_than_the_earlier_ones() -> None:
    made = [{**row, "customer": f"C{i % 1100}"} for i, row in enumerate(ROWS)]
    trained = train(table(made), replace(OPTIONS, group="customer"))
    assert trained.report.latest is not None
    assert trained.report.latest.rows == 140
    assert any("100 of the latest 20 %" in warning for warning in trained.report.warnings)


def test_a_calendar_is_no_group() -> None:
    made = [{**row, "quarter": f"Q{i * 4 // len(ROWS)}"} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"the 4 groups .* are too few"):
        train(table(made), replace(OPTIONS, group="quarter"))
