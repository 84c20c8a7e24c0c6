"""Opening of a model in an engine that is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from model.metadata import BundleError
from model.serving.compiled import CompiledPredictor
from model.serving.graph import check_graph
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import EngineMissingError, ModelPredictor, NotCompiledError

__all__ = ["ENGINES", "EngineChoice", "ModelFiles", "open_predictor", "why_not_compiled"]

EngineChoice = Literal["auto", "compiled", "onnxruntime"]
"""Engine for ``model.onnx``: ``auto``, the compiled one where it gives the bits of ONNX Runtime and
was measured to be faster, else ONNX Runtime; or one of the two."""


class _Opens(Protocol):
    def __call__(
        self, content: bytes, *, threads: int, reasons: bool, choice: EngineChoice
    ) -> ModelPredictor: ...


class ModelFiles(Protocol):
    """Files of a model: a ``Bundle``, or ``Artefacts`` before they are published."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Content by name, with ``model.onnx``, ``model.ubj`` or both among them."""


def open_predictor(
    model: ModelFiles, *, threads: int = 1, reasons: bool = True, choice: EngineChoice = "auto"
) -> ModelPredictor:
    """Open a model in the first engine for which it has a file and which is installed.

    Parameters
    ----------
    model
        Has the model's files.
    threads
        Number of threads for a batch.
    reasons
        Whether to compute reasons.
    choice
        Engine for ``model.onnx``.

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
            f"The model should have {' or '.join(ENGINES)}, but it has neither: publish it again."
        )
    missing: EngineMissingError | None = None
    for open_, content in found:
        try:
            return open_(content, threads=threads, reasons=reasons, choice=choice)
        except EngineMissingError as error:
            missing = error
    assert missing is not None
    raise missing


def why_not_compiled(predictor: ModelPredictor) -> str | None:
    """Return why the compiled engine does not score a model, or None where it does."""
    return getattr(predictor, "why_not_compiled", None)


def _open_onnx(
    content: bytes, *, threads: int, reasons: bool, choice: EngineChoice
) -> ModelPredictor:
    checked = check_graph(content)
    why = "ONNX Runtime was chosen"
    if choice != "onnxruntime":
        try:
            return CompiledPredictor(
                content,
                threads=threads,
                reasons=reasons,
                checked=checked,
                anywhere=choice == "compiled",
            )
        except NotCompiledError as error:
            why = str(error)
        if choice == "compiled":
            raise BundleError(
                f"The compiled engine can't score this model here: {why}. Set the engine to auto or"
                " onnxruntime."
            )
    predictor = OnnxPredictor(content, threads=threads, reasons=reasons, checked=checked)
    predictor.why_not_compiled = why
    return predictor


def _open_native(
    content: bytes, *, threads: int, reasons: bool, choice: EngineChoice
) -> ModelPredictor:
    del choice  # it is about model.onnx
    return NativePredictor(content, threads=threads, reasons=reasons)


ENGINES: Mapping[str, _Opens] = {"model.onnx": _open_onnx, "model.ubj": _open_native}
"""The engines for each file of a bundle, in order of preference."""
