"""A model as a folder in MLflow's format: its ONNX flavour, which needs no LeadScore to score.

Source: MLflow's documentation, "MLflow Models: storage format" and "Tensor-based signature".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from model.bundle import Bundle
from schemas.errors import InputError

__all__ = ["mlflow_files"]

EXAMPLE = "input_example.json"
EXAMPLE_ROWS = 5
INPUT = "features"
"""The input of model.onnx."""
PYTHON = "3.11"
"""The oldest Python that the packages of ``requirements.txt`` are locked for."""


def mlflow_files(bundle: Bundle, card: str) -> Mapping[str, bytes]:
    """Return the files of an MLflow model by name.

    ``mlflow.pyfunc.load_model`` reads them. Its input is the feature matrix (float32, one row a
    lead, NaN where missing) as an array; among its outputs is ``probability``, the calibrated
    score. What makes the matrix out of a lead is in the metadata of model.onnx, and LeadScore's.

    Parameters
    ----------
    bundle
        The model.
    card
        Its card as Markdown.

    Raises
    ------
    InputError
        The model has no ONNX file.
    """
    onnx = bundle.files.get("model.onnx")
    if onnx is None:
        raise InputError(
            f"Model {bundle.name} version {bundle.version} should have a model.onnx, but it has"
            f" {', '.join(bundle.files)}: train it again with a trainer that exports ONNX."
        )
    columns = list(bundle.metadata.spec.columns)
    return {
        "MLmodel": _json(_description(bundle, len(columns))),
        "model.onnx": onnx,
        "requirements.txt": "".join(f"{line}\n" for line in _requirements()).encode(),
        "python_env.yaml": _json(
            {
                "python": PYTHON,
                "build_dependencies": ["pip"],
                "dependencies": ["-r requirements.txt"],
            }
        ),
        EXAMPLE: _json({INPUT: _example(bundle)}),
        "columns.json": _json(columns),
        "README.md": card.encode(),
    }


def _description(bundle: Bundle, width: int) -> dict[str, Any]:
    published = None if bundle.published is None else datetime.fromtimestamp(bundle.published, UTC)
    tensor = {"dtype": "float32", "shape": [-1, width]}
    return {
        "flavors": {
            "onnx": {
                "onnx_version": "1.19.0",
                "data": "model.onnx",
                "providers": ["CPUExecutionProvider"],
                "code": None,
            },
            "python_function": {
                "loader_module": "mlflow.onnx",
                "python_version": PYTHON,
                "data": "model.onnx",
                "env": {"virtualenv": "python_env.yaml"},
            },
        },
        "signature": {
            "inputs": json.dumps([{"name": INPUT, "type": "tensor", "tensor-spec": tensor}]),
            "outputs": None,
            "params": None,
        },
        "saved_input_example_info": {
            "artifact_path": EXAMPLE,
            "type": "ndarray",
        },
        "metadata": {
            "leadscore.name": bundle.name,
            "leadscore.version": bundle.version,
            "leadscore.sha256": bundle.sha256,
        },
        **({} if published is None else {"utc_time_created": f"{published:%Y-%m-%d %H:%M:%S.%f}"}),
    }


def _requirements() -> list[str]:
    return [f"onnxruntime=={version('onnxruntime')}", "onnx>=1.19", f"numpy=={version('numpy')}"]


def _example(bundle: Bundle) -> list[list[float]]:
    """Return golden rows without missing values, which JSON has no number for."""
    matrix = bundle.metadata.golden.matrix
    rows: list[list[float]] = matrix[~np.isnan(matrix).any(axis=1)][:EXAMPLE_ROWS].tolist()
    return rows


def _json(content: object) -> bytes:
    """Return JSON, which is YAML, too."""
    return (json.dumps(content, indent=2) + "\n").encode()
