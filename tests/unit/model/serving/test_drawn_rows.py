from __future__ import annotations

import numpy as np

from model.serving.drawn_rows import draw_rows
from model.serving.graph import check_graph
from tests.unit.small_booster import Trained


def test_rows_meet_thresholds_exactly_and_just_beside_and_have_hard_values(
    trained: Trained,
) -> None:
    checked = check_graph(trained.onnx)
    trees, n_columns = checked.trees, len(checked.metadata.spec.columns)
    rows = draw_rows(trees, checked.metadata)
    for column in np.unique(trees.column[trees.is_branch] % n_columns):
        is_of_column = trees.is_branch & (trees.column % n_columns == column)
        thresholds = trees.threshold[is_of_column].astype(np.float32)
        drawn = rows[:, column]
        assert np.isin(drawn, thresholds).sum() > 50
        below, above = (np.nextafter(thresholds, np.float32(to)) for to in (-np.inf, np.inf))
        assert np.isin(drawn, below).any()
        assert np.isin(drawn, above).any()
        assert np.isnan(drawn).any()
        assert np.isinf(drawn).any()
        assert ((drawn != 0) & (np.abs(drawn) < np.finfo(np.float32).tiny)).any()


def test_a_model_always_gives_the_same_rows(trained: Trained) -> None:
    checked = check_graph(trained.onnx)
    one, other = (draw_rows(checked.trees, checked.metadata, 9) for _ in range(2))
    np.testing.assert_array_equal(one, other)
