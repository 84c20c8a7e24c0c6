"""Other drift detectors on the same leads: river's KSWIN, and Evidently with its defaults."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from river import drift

from agents.drift import SAMPLE_EVERY
from benchmarks.drift_cases import Rows
from benchmarks.drift_replay import Leads
from features.counts import CountLayout

__all__ = ["evidently_columns", "kswin_alarms"]

SEED = 5


def kswin_alarms(leads: Leads, layout: CountLayout) -> list[int]:
    """Run KSWIN with river's defaults on ADWIN's streams and sample.

    Returns
    -------
    list of int
        Number of leads read at each alarm.
    """
    return sorted(
        (row + 1) * SAMPLE_EVERY for stream in _streams(leads, layout) for row in _kswin(stream)
    )


def _kswin(values: list[float]) -> Iterator[int]:
    detector: Any = drift.KSWIN(seed=SEED)  # its methods have no types
    for row, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            yield row


def _streams(leads: Leads, layout: CountLayout) -> Iterator[list[float]]:
    yield leads.scores[::SAMPLE_EVERY].astype(np.float64).tolist()
    for column, field in enumerate(layout.fields):
        if field.by == "quantile" and field.size > 1:
            codes = leads.codes[::SAMPLE_EVERY, column]
            yield codes[codes != field.missing].astype(np.float64).tolist()


def evidently_columns(now: Rows, reference: Rows) -> tuple[set[str], bool]:
    """Compare with Evidently's drift preset.

    Returns
    -------
    set of str, bool
        The drifted columns, and whether half of them have drifted (Evidently's "dataset drift").
    """
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    frames = [_frame(rows) for rows in (now, reference)]
    is_number = {name: isinstance(v, np.ndarray) for name, v in now.columns.items()}
    definition = DataDefinition(
        numerical_columns=[*(name for name, number in is_number.items() if number), "score"],
        categorical_columns=[name for name, number in is_number.items() if not number],
    )
    data = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics = Report([DataDriftPreset()]).run(*data).dict()["metrics"]
    drifted = {m["config"]["column"] for m in metrics[1:] if _has_drifted(m)}
    return drifted, metrics[0]["value"]["share"] >= metrics[0]["config"]["drift_share"]


def _has_drifted(metric: dict[str, Any]) -> bool:
    value, threshold = float(metric["value"]), float(metric["config"]["threshold"])
    is_p_value = "p_value" in metric["config"]["method"]
    return value < threshold if is_p_value else value >= threshold


def _frame(rows: Rows) -> pd.DataFrame:
    columns: dict[str, Any] = {**rows.columns, "score": rows.scores}
    return pd.DataFrame(columns)
