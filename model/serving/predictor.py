"""The engines that score: ONNX Runtime, XGBoost in its place, a constant for development."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.metadata import BundleError
from model.serving.graph import check_graph
from model.serving.native import NativePredictor
from model.serving.prediction import (
    Contributions,
    ModelPredictor,
    Prediction,
    Predictor,
    without_reasons,
)

__all__ = [
    "ConstantPredictor",
    "ModelFiles",
    "OnnxPredictor",
    "Prediction",
    "Predictor",
    "open_predictor",
]

SHARE_FROM_ROWS = 256
"""Below, sharing a batch between threads costs more than it saves."""


class OnnxPredictor:
    """Scores with ONNX Runtime.

    A lead's score is the same to the bit alone and in any batch, with any number of threads: ONNX
    Runtime itself always computes on one thread, because on more it would add the trees up in an
    order that depends on the batch's size. Threads share a batch's rows instead.

    Parameters
    ----------
    content
        The bytes of ``model.onnx``.
    threads
        How many threads compute a batch.
    reasons
        Whether reasons are computed; else there are none (k = 0).

    Raises
    ------
    ImportError
        ONNX Runtime can't be loaded here.
    BundleError
        The bytes are not a model of LeadScore.
    """

    engine = "onnx"

    def __init__(self, content: bytes, *, threads: int = 1, reasons: bool = True) -> None:
        self.metadata, self._bias = check_graph(content)
        # Where no field has several aspects, the graph has no such output.
        self._aspects = ("aspects",) if self.metadata.aspects else ()
        self._session = _open_session(content)
        self._has_reasons = reasons
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "onnx") if threads > 1 else None

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Score a batch; see ``Predictor``."""
        if not self._has_reasons:
            (probability,) = self._run(("probability",), matrix)
            return without_reasons(probability[:, 0])
        outputs = ("probability", "reason_field", "reason_value", *self._aspects)
        probability, reason_field, reason_value, *aspects = self._run(outputs, matrix)
        return Prediction(
            probability[:, 0], reason_field, reason_value, _or_none(aspects, len(matrix))
        )

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Compute what every field contributes; see ``Predictor``."""
        fields, *aspects = self._run(("contributions", *self._aspects), matrix)
        return Contributions(self._bias, fields, _or_none(aspects, len(matrix)))

    def _run(self, outputs: Sequence[str], matrix: NDArray[np.float32]) -> list[NDArray[Any]]:
        if self._pool is None or len(matrix) < SHARE_FROM_ROWS:
            return self._run_here(outputs, matrix)
        shares = np.array_split(matrix, self._threads)
        parts = self._pool.map(lambda share: self._run_here(outputs, share), shares)
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _run_here(self, outputs: Sequence[str], matrix: NDArray[np.float32]) -> list[NDArray[Any]]:
        arrays: list[NDArray[Any]] = self._session.run(outputs, {"features": matrix})
        return arrays


def _or_none(arrays: Sequence[NDArray[np.float32]], n: int) -> NDArray[np.float32]:
    return arrays[0] if arrays else np.empty((n, 0), np.float32)


class ConstantPredictor:
    """Gives every lead the same score and no reasons: for development without a model.

    Parameters
    ----------
    n_fields
        How many fields the leads' spec has.
    score
        The score, 0 to 1.
    """

    engine = "constant"

    def __init__(self, n_fields: int, *, score: float = 0.5) -> None:
        self._n_fields = n_fields
        self._score = score

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Score a batch; see ``Predictor``. The reasons are all zero."""
        shape = (len(matrix), min(3, self._n_fields))
        return Prediction(
            np.full(len(matrix), self._score, np.float32),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.float32),
            np.zeros((len(matrix), 0), np.float32),
        )

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return zeros, of no aspects, and the logit of the score; see ``Predictor``."""
        return Contributions(
            math.log(self._score / (1.0 - self._score)),
            np.zeros((len(matrix), self._n_fields), np.float32),
            np.zeros((len(matrix), 0), np.float32),
        )


class ModelFiles(Protocol):
    """What has a model's files: a ``Bundle``, or ``Artefacts`` before they are published."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Their content by name, ``model.onnx`` or ``model.ubj`` or both among them."""


def open_predictor(model: ModelFiles, *, threads: int = 1, reasons: bool = True) -> ModelPredictor:
    """Open a model in ONNX Runtime; where that can't be had, in XGBoost.

    Parameters
    ----------
    model
        What has the model's files.
    threads
        How many threads compute a batch.

    Returns
    -------
    ModelPredictor
        Its ``engine`` says which; its ``metadata`` are the model's.

    Raises
    ------
    BundleError
        The model can't be used, or no engine for it is installed.
    """
    onnx, ubj = model.files.get("model.onnx"), model.files.get("model.ubj")
    if onnx is None and ubj is None:
        raise BundleError(
            "The model should have model.onnx or model.ubj, it has neither: publish it again."
        )
    missing: ImportError | None = None
    if onnx is not None:
        try:
            return OnnxPredictor(onnx, threads=threads, reasons=reasons)
        except ImportError as error:
            missing = error
    if ubj is not None:
        return NativePredictor(ubj, threads=threads, reasons=reasons)
    raise BundleError(
        f"The model needs ONNX Runtime, which can't be imported here ({missing}): install "
        "onnxruntime, or publish the model with model.ubj too."
    )


def _open_session(content: bytes) -> Any:
    # Read when it is imported: else its wheels report to Microsoft, and write an id to the disk.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # Only here: where it can't be imported, the native engine takes over.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Batches come in all sizes: an arena would keep the largest one's memory for ever, and a
    # pattern for every size. Neither is faster here.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            content,
            options,
            ["CPUExecutionProvider"],
            enable_fallback=False,  # it would try again, and print
        )
    except Exception as error:  # its errors share no class
        raise BundleError(
            f"model.onnx is not a model that ONNX Runtime {onnxruntime.__version__} can load "
            f"({str(error).strip() or type(error).__name__}): publish it again from its training."
        ) from None
