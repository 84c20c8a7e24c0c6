"""Shapley values are exact: those of the definition, over all subsets of columns."""

from __future__ import annotations

import json
import sys
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
import xgboost

from model.bundle import Artefacts
from model.metadata import BundleError
from model.serving.native import NativePredictor
from model.serving.shapley import shapley_values
from tests.unit.small_model import SmallModel


def matrix_of(model: SmallModel, rows: int = 8) -> Any:
    return model.bundle.metadata.golden.matrix[:rows]


def expected_margin(node: Any, row: Any, known: frozenset[int]) -> float:
    """Return a tree's mean margin if only some columns are known, by the cover of its branches."""
    if "leaf" in node:
        return float(node["leaf"])
    children = {child["nodeid"]: child for child in node["children"]}
    column = int(node["split"].removeprefix("f"))
    if column in known:
        value = row[column]
        if np.isnan(value):
            way = node["missing"]
        else:
            way = node["yes"] if value < np.float32(node["split_condition"]) else node["no"]
        return expected_margin(children[way], row, known)
    covers = {way: child["cover"] for way, child in children.items()}
    return sum(
        covers[way] / sum(covers.values()) * expected_margin(child, row, known)
        for way, child in children.items()
    )


def by_definition(trees: list[Any], row: Any, columns: int) -> list[float]:
    """Return the Shapley values of all columns, from 2ⁿ expectations."""
    everything = frozenset(range(columns))
    margins = {
        frozenset(some): sum(expected_margin(tree, row, frozenset(some)) for tree in trees)
        for size in range(columns + 1)
        for some in combinations(range(columns), size)
    }
    return [
        sum(
            factorial(len(some))
            * factorial(columns - len(some) - 1)
            / factorial(columns)
            * (margins[some | {column}] - margins[some])
            for some in margins
            if some <= everything - {column}
        )
        for column in range(columns)
    ]


def test_they_are_those_of_the_definition(model: SmallModel) -> None:
    booster = xgboost.Booster(model_file=bytearray(model.bundle.files["model.ubj"]))[:4]
    trees = [json.loads(tree) for tree in booster.get_dump(with_stats=True, dump_format="json")]
    used = sorted(
        {int(name.removeprefix("f")) for name in booster.get_score(importance_type="weight")}
    )
    matrix = matrix_of(model)
    columns = matrix.shape[1]
    exact = booster.predict(xgboost.DMatrix(matrix), pred_contribs=True)
    for row, found in zip(matrix, exact, strict=True):
        assert found[:-1] == pytest.approx(by_definition(trees, row, columns), abs=1e-5)
    assert used


def test_base_and_fields_add_up_to_the_margin(model: SmallModel) -> None:
    matrix = matrix_of(model)
    found = shapley_values(model.bundle, matrix)
    assert found is not None
    native = NativePredictor(model.bundle.files["model.ubj"])
    along_paths = native.contributions(matrix)
    margins = found.bias + found.fields.sum(axis=1)
    assert margins == pytest.approx(along_paths.bias + along_paths.fields.sum(axis=1), abs=1e-5)
    assert not np.allclose(found.fields, along_paths.fields, atol=1e-3), "reasons are no Shapley"


def test_a_model_without_its_own_trees_has_none(model: SmallModel) -> None:
    assert shapley_values(Artefacts(onnx=b"any"), matrix_of(model)) is None


def test_without_xgboost_there_are_none(model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert shapley_values(model.bundle, matrix_of(model)) is None


def test_a_damaged_file_is_refused(model: SmallModel) -> None:
    with pytest.raises(BundleError):
        shapley_values(Artefacts(ubj=b"damaged"), matrix_of(model))
