"""The engine "onnx": ONNX Runtime, on a graph that was checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.metadata import BundleError
from model.serving.graph import CheckedGraph, check_graph
from model.serving.prediction import (
    Contributions,
    EngineMissingError,
    Prediction,
    without_reasons,
)
from model.serving.row_threads import RowThreads

__all__ = ["OnnxPredictor"]


class OnnxPredictor:
    """Scores with ONNX Runtime; see ``Predictor``.

    A lead's score is bit-identical in any batch and with any number of threads. ONNX Runtime itself
    always uses one thread: with more it would add the trees in an order that depends on the batch's
    size. Instead, threads share the rows of a batch.

    Parameters
    ----------
    content
        The bytes of ``model.onnx``.
    threads
        Number of threads for a batch.
    reasons
        Whether to compute reasons; otherwise k is 0.
    checked
        Result of ``check_graph`` for these bytes, if it is there already.

    Raises
    ------
    EngineMissingError
        ONNX Runtime can't be imported here.
    BundleError
        The bytes are not a model made by LeadScore.
    """

    engine = "onnx"
    why_not_compiled: str | None = None
    """Reason for which the compiled engine does not score; None where it was not asked."""

    def __init__(
        self,
        content: bytes,
        *,
        threads: int = 1,
        reasons: bool = True,
        checked: CheckedGraph | None = None,
    ) -> None:
        checked = checked or check_graph(content)
        self.metadata, self._bias = checked.metadata, checked.bias
        # The graph has this output only if a field has several aspects.
        self._aspects = ("aspects",) if self.metadata.aspects else ()
        self._session = _open_session(content)
        self._has_reasons = reasons
        self._threads = RowThreads(threads)

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Return scores and reasons of a batch; see ``Predictor``."""
        if not self._has_reasons:
            (probability,) = self._run(("probability",), matrix)
            return without_reasons(probability[:, 0])
        outputs = ("probability", "reason_field", "reason_value", *self._aspects)
        probability, reason_field, reason_value, *aspects = self._run(outputs, matrix)
        return Prediction(
            probability[:, 0], reason_field, reason_value, _or_none(aspects, len(matrix))
        )

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return the contributions of every field; see ``Predictor``."""
        fields, *aspects = self._run(("contributions", *self._aspects), matrix)
        return Contributions(self._bias, fields, _or_none(aspects, len(matrix)))

    def _run(self, outputs: Sequence[str], matrix: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        def compute(rows: NDArray[np.float32]) -> list[NDArray[Any]]:
            arrays: list[NDArray[Any]] = self._session.run(outputs, {"features": rows})
            return arrays

        return self._threads.run(compute, matrix)


def _or_none(arrays: Sequence[NDArray[np.float32]], n: int) -> NDArray[np.float32]:
    return arrays[0] if arrays else np.empty((n, 0), np.float32)


def _open_session(content: bytes) -> Any:
    # Read at import. Without it, the wheels report to Microsoft and write an id to the disk.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # Imported here: without it, XGBoost may open the model.
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineMissingError(
            f"The model needs ONNX Runtime, which can't be imported here ({error}): install "
            "onnxruntime, or publish the model with model.ubj too."
        ) from None

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Batches come in all sizes: an arena would keep the memory of the largest one forever, and
    # memory patterns one for each size. Neither is faster here.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            content,
            options,
            ["CPUExecutionProvider"],
            enable_fallback=False,  # it would retry, and print
        )
    except Exception as error:  # its errors have no common class
        raise BundleError(
            f"model.onnx is not a model that ONNX Runtime {onnxruntime.__version__} can load "
            f"({str(error).strip() or type(error).__name__}): publish it again from its training."
        ) from None
