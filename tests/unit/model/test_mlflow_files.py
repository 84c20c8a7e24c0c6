"""The files of an MLflow model; tests/integration/test_mlflow.py loads them in MLflow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from model.bundle import Artefacts, Bundle, load_bundle
from model.mlflow_files import mlflow_files
from model.registry import Registry
from schemas.errors import InputError


@pytest.fixture
def bundle(tmp_path: Path, artefacts: Artefacts) -> Bundle:
    registry = Registry(tmp_path / "models")
    registry.publish("bank", artefacts)
    return load_bundle(registry.resolve("bank/1"), None)


def test_the_description_names_the_model_its_input_and_the_file(bundle: Bundle) -> None:
    described = yaml.safe_load(mlflow_files(bundle, "# A card")["MLmodel"])
    assert described["flavors"]["python_function"]["loader_module"] == "mlflow.onnx"
    [features] = json.loads(described["signature"]["inputs"])
    width = len(bundle.metadata.spec.columns)
    assert features["tensor-spec"] == {"dtype": "float32", "shape": [-1, width]}
    assert described["metadata"]["leadscore.sha256"] == bundle.sha256


def test_the_model_is_the_published_file(bundle: Bundle) -> None:
    assert mlflow_files(bundle, "")["model.onnx"] == bundle.files["model.onnx"]


def test_columns_and_example_are_of_the_same_width(bundle: Bundle) -> None:
    files = mlflow_files(bundle, "")
    columns = json.loads(files["columns.json"])
    rows = json.loads(files["input_example.json"])["features"]
    assert 0 < len(rows) <= 5
    assert {len(row) for row in rows} == {len(columns)}
    assert np.isfinite(rows).all(), "JSON has no NaN"


def test_a_model_without_onnx_is_refused(bundle: Bundle) -> None:
    with pytest.raises(InputError, match="train it again"):
        mlflow_files(replace(bundle, files={"model.ubj": b""}), "")
