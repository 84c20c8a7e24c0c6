"""CPU cost of the compiled engine per lead, by width of vector registers and number of rows.

``python -m benchmarks.widths`` compares what this processor has with ONNX Runtime, in one process
and in turn, so that load of the machine is in all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.workload import SCHEMA, SPEC, artefacts, events
from features.matrix import FeatureEncoder
from model.serving import _compiled
from model.serving.graph import CheckedGraph, check_graph
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.tree_layout import lay_out
from schemas.decode import LeadDecoder
from schemas.store import SchemaStore

SIZES = (1, 2, 4, 8, 16, 100, 500)
"""Rows that are scored together."""
ROUNDS = 9
ROWS = 3000
"""About how many are scored in a round."""

Engines = Mapping[str, Callable[[NDArray[np.float32]], object]]


def main() -> None:
    """Print a table of microseconds a lead: the medians of the rounds."""
    content = artefacts().files["model.onnx"]
    checked = check_graph(content)
    engines: Engines = {
        **{width: _score_by(_trees(checked, width)) for width in _compiled.widths()},
        "ONNX Runtime": OnnxPredictor(content, checked=checked).predict,
    }
    matrix = _matrix(checked)
    print("| rows | " + " | ".join(engines) + " |")
    print("|--:" * (len(engines) + 1) + "|")
    for size in SIZES:
        costs = _costs(engines, np.ascontiguousarray(matrix[:size]))
        print(f"| {size} | " + " | ".join(f"{cost:.2f}" for cost in costs.values()) + " |")


def _trees(checked: CheckedGraph, width: str) -> _compiled.Trees:
    metadata = checked.metadata
    n_fields = len(metadata.spec.fields)
    layout = lay_out(
        checked.trees,
        n_columns=len(metadata.spec.columns),
        n_targets=n_fields + len(metadata.aspects) + 1,
    )
    return _compiled.Trees(
        layout,
        n_fields=n_fields,
        top_k=metadata.top_k,
        slope=metadata.calibration.slope,
        intercept=metadata.calibration.intercept,
        width=width,
    )


def _score_by(trees: _compiled.Trees) -> Callable[[NDArray[np.float32]], Any]:
    return lambda matrix: trees.score(matrix, True)


def _matrix(checked: CheckedGraph) -> NDArray[np.float32]:
    store, rows = SchemaStore(), max(SIZES)
    store.add(SCHEMA)
    columns = LeadDecoder(store, SPEC.kinds).decode([value for _, value in events(rows)]).columns
    return FeatureEncoder(SPEC, checked.metadata.reference).encode(columns, rows).matrix


def _costs(engines: Engines, matrix: NDArray[np.float32]) -> Mapping[str, float]:
    calls = max(5, ROWS // len(matrix))
    found: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, score in engines.items():
            started = time.process_time()
            for _ in range(calls):
                score(matrix)
            spent = time.process_time() - started
            found[name].append(spent / calls / len(matrix) * 1e6)
    return {name: statistics.median(costs) for name, costs in found.items()}


if __name__ == "__main__":
    main()
