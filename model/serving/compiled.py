"""The engine "compiled": a model's trees in the cache, with ONNX Runtime as the reference.

``tree_layout`` makes the arrays, ``tree_walk.c`` scores: calibration, sigmoid and the top reasons
in the same pass. Scores, reasons and contributions have the bits that ONNX Runtime gives them.
Additions are in the same order, so they are exact. A sigmoid is not: two exponential functions may
differ in the last bit of a double. Where that could change the score's last bit, about one lead in
30,000, ONNX Runtime computes the score.
"""

from __future__ import annotations

import platform

import numpy as np
from numpy.typing import NDArray

from model.serving.drawn_rows import draw_rows
from model.serving.graph import CheckedGraph, check_graph
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import Contributions, NotCompiledError, Prediction
from model.serving.row_threads import RowThreads
from model.serving.tree_layout import UnsuitableTreesError, lay_out

try:
    from model.serving import _compiled
except ImportError:  # installed without a compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["CompiledPredictor"]

FEW = 8
"""Rows that are scored in the way of a small batch."""


class CompiledPredictor:
    """Scores with compiled trees; see ``Predictor``.

    A model is opened only if golden rows and drawn rows (missing and infinite values, thresholds
    exactly met, denormal numbers) get the same bits from both engines.

    Parameters
    ----------
    content, threads, reasons, checked
        See ``OnnxPredictor``.
    anywhere
        Whether to score on processors on which the speed was not measured, too.

    Raises
    ------
    NotCompiledError
        ONNX Runtime must score this model here; the message says why.
    EngineMissingError
        ONNX Runtime can't be imported here.
    BundleError
        The bytes are not a model made by LeadScore.
    """

    engine = "compiled"

    def __init__(
        self,
        content: bytes,
        *,
        threads: int = 1,
        reasons: bool = True,
        checked: CheckedGraph | None = None,
        anywhere: bool = False,
    ) -> None:
        checked = checked or check_graph(content)
        self.metadata, self._bias = checked.metadata, checked.bias
        self._trees = _trees_of(checked, anywhere=anywhere)
        self._has_reasons = reasons
        self._threads = RowThreads(threads)
        self._reference = OnnxPredictor(content, checked=checked)
        self._verify(checked)

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Return scores and reasons of a batch; see ``Predictor``."""
        probability, field, value, aspects = self._threads.run(self._score, matrix)
        return Prediction(probability, field, value, aspects)

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return the contributions of every field; see ``Predictor``."""
        _, _, _, aspects, fields, _ = self._trees.score(matrix, True, True)
        return Contributions(self._bias, fields, aspects)

    def _score(self, matrix: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        scored = self._trees.score(matrix, self._has_reasons)
        probability, is_doubtful = scored[0], scored[-1]
        if is_doubtful is not None:
            rows = np.flatnonzero(is_doubtful)
            probability[rows] = self._reference.predict(matrix[rows]).probability
        return scored[:4]

    def _verify(self, checked: CheckedGraph) -> None:
        metadata = checked.metadata
        rows = np.concatenate([metadata.golden.matrix, draw_rows(checked.trees, metadata)])
        try:
            expected = self._reference.predict(rows)
            fields = self._reference.contributions(rows).fields
        except Exception as error:  # its errors have no common class
            raise NotCompiledError(f"ONNX Runtime can't score its rows ({error})") from error
        for n in (len(rows), FEW):
            found = self._trees.score(rows[:n], True, True)
            probability = found[0]
            if found[5] is not None:  # these are the reference's own
                probability = np.where(found[5], expected.probability[:n], probability)
            pairs = (
                (probability, expected.probability[:n]),
                (found[1], expected.reason_field[:n]),
                (found[2], expected.reason_value[:n]),
                (found[3], expected.aspects[:n]),
                (found[4], fields[:n]),
            )
            if any(one.tobytes() != other.tobytes() for one, other in pairs):
                raise NotCompiledError("its scores differ from those of ONNX Runtime")


def _trees_of(checked: CheckedGraph, *, anywhere: bool) -> _compiled.Trees:
    """Lay out the trees, where there is compiled code for them."""
    if _compiled is None:
        raise NotCompiledError("LeadScore was installed without a C compiler")
    if not (anywhere or _compiled.is_measured()):
        raise NotCompiledError(
            f"its speed was not measured on {platform.machine()} with {platform.libc_ver()[0]}"
        )
    metadata = checked.metadata
    n_fields = len(metadata.spec.fields)
    try:
        layout = lay_out(
            checked.trees,
            n_columns=len(metadata.spec.columns),
            n_targets=n_fields + len(metadata.aspects) + 1,
        )
    except UnsuitableTreesError as error:
        raise NotCompiledError(f"the trees don't suit it: {error}") from None
    return _compiled.Trees(
        layout,
        n_fields=n_fields,
        top_k=metadata.top_k,
        slope=metadata.calibration.slope,
        intercept=metadata.calibration.intercept,
    )
