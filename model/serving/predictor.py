"""Opening of a model in an engine that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from model.metadata import BundleError
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import EngineMissingError, ModelPredictor

__all__ = ["ENGINES", "ModelFiles", "open_predictor"]


class _Opens(Protocol):
    def __call__(self, content: bytes, *, threads: int, reasons: bool) -> ModelPredictor: ...


ENGINES: Mapping[str, _Opens] = {"model.onnx": OnnxPredictor, "model.ubj": NativePredictor}
"""The engine for each file of a bundle, in order of preference."""


class ModelFiles(Protocol):
    """Files of a model: a ``Bundle``, or ``Artefacts`` before they are published."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Content by name, with ``model.onnx``, ``model.ubj`` or both among them."""


def open_predictor(model: ModelFiles, *, threads: int = 1, reasons: bool = True) -> ModelPredictor:
    """Open a model in the first engine for which it has a file and which is installed.

    Parameters
    ----------
    model
        Has the model's files.
    threads
        Number of threads for a batch.
    reasons
        Whether to compute reasons.

    Returns
    -------
    ModelPredictor
        Its ``engine`` is the name of the engine.

    Raises
    ------
    BundleError
        The model can't be used, or no engine for it is installed.
    """
    found = [(open_, model.files[file]) for file, open_ in ENGINES.items() if file in model.files]
    if not found:
        raise BundleError(
            f"The model should have {' or '.join(ENGINES)}, it has neither: publish it again."
        )
    missing: EngineMissingError | None = None
    for open_, content in found:
        try:
            return open_(content, threads=threads, reasons=reasons)
        except EngineMissingError as error:
            missing = error
    assert missing is not None
    raise missing
