from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from model.bundle import Artefacts
from model.metadata import BundleError
from model.serving.constant import ConstantPredictor
from stream.engine_speed.measurement import ENGINES, SIZES, measure, open_engine
from testing.engines import ENGINE
from tests.unit.small_model import SmallModel


def test_times_are_of_calls_of_each_size_and_divided_by_the_leads() -> None:
    ticks = count()
    speeds = list(
        measure(ConstantPredictor(2), np.zeros((3, 2), np.float32), 0.0, lambda: float(next(ticks)))
    )
    assert [speed.leads for speed in speeds] == [*SIZES]
    for speed in speeds:
        assert speed.calls == 5
        assert speed.mean_us == speed.p95_us == speed.p99_us == 1e6
        assert speed.lead_us == 1e6 / speed.leads


def test_a_model_opens_in_the_engine_that_is_asked_for(model: SmallModel) -> None:
    for engine in ENGINES if ENGINE == "compiled" else ENGINES[1:]:
        assert open_engine(model.bundle, engine).engine == engine


def test_an_engine_without_a_file_is_named(model: SmallModel) -> None:
    onnx_only = Artefacts(onnx=model.bundle.files["model.onnx"])
    with pytest.raises(BundleError, match=r"no model\.ubj"):
        open_engine(onnx_only, "xgboost")
    native_only = Artefacts(ubj=model.bundle.files["model.ubj"])
    with pytest.raises(BundleError, match=r"no model\.onnx"):
        open_engine(native_only, "compiled")
