"""Time of an engine's predictions, by number of leads in a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Artefacts
from model.metadata import BundleError
from model.serving.prediction import ModelPredictor, Predictor
from model.serving.predictor import ModelFiles, open_predictor

__all__ = ["ENGINES", "Speed", "measure", "open_engine"]

ENGINES = ("compiled", "onnx", "xgboost")
SIZES = (1, 10, 100, 500, 2000)
"""Leads in a call. A worker's polls have up to 2,000."""
WARM_UP = 3
LEAST_CALLS = 5


@dataclass(frozen=True, slots=True)
class Speed:
    """Time of calls of one size.

    Attributes
    ----------
    leads
        Number of leads in a call.
    calls
        Number of calls that were measured.
    mean_us, p95_us, p99_us
        Microseconds of a call.
    lead_us
        Microseconds of a lead, on average.
    """

    leads: int
    calls: int
    mean_us: float
    p95_us: float
    p99_us: float
    lead_us: float

    def as_dict(self) -> Mapping[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def open_engine(model: ModelFiles, engine: str) -> ModelPredictor:
    """Open a model in one engine.

    Parameters
    ----------
    model
        Has the model's files.
    engine
        One of ``ENGINES``.

    Raises
    ------
    BundleError
        The engine can't score this model here, or the model has no file for it.
    """
    if engine != "xgboost":
        if model.files.get("model.onnx") is None:
            raise BundleError("the model has no model.onnx")
        choice: Any = "compiled" if engine == "compiled" else "onnxruntime"
        predictor = open_predictor(Artefacts(onnx=model.files["model.onnx"]), choice=choice)
    else:
        if model.files.get("model.ubj") is None:
            raise BundleError("the model has no model.ubj")
        predictor = open_predictor(Artefacts(ubj=model.files["model.ubj"]))
    return predictor


def measure(
    predictor: Predictor,
    rows: NDArray[np.float32],
    seconds: float,
    clock: Callable[[], float],
) -> Iterator[Speed]:
    """Yield the time of calls for each size.

    Parameters
    ----------
    predictor
        The engine.
    rows
        float32, shape (n, n_columns): leads, which are repeated as needed.
    seconds
        Time for the calls of one size; there are five calls at least.
    clock
        Returns seconds.
    """
    for size in SIZES:
        batch = np.resize(rows, (size, rows.shape[1]))
        for _ in range(WARM_UP):
            predictor.predict(batch)
        times: list[float] = []
        end = clock() + seconds
        while len(times) < LEAST_CALLS or clock() < end:
            start = clock()
            predictor.predict(batch)
            times.append(clock() - start)
        microseconds = np.array(times) * 1e6
        p95, p99 = np.percentile(microseconds, (95, 99))
        mean = float(microseconds.mean())
        yield Speed(size, len(times), mean, float(p95), float(p99), mean / size)
