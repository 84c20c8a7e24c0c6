"""Peak memory of a retraining from records of leads to a model, and the AUC of the model.

    python -m benchmarks.retraining_memory --rows 200000 1000000 --sample 50000

Each case is a process of its own: its anonymous memory at the most, less what it had when its
modules were imported. ``data set`` makes the Parquet file from records as a retraining reads them;
the others train on it: with all leads in memory, with a sample of them, and with a sample and
XGBoost's blocks on a disk. The recipe is one booster of 30 trees, with the cross-validation, the
baseline, the checks and the export of any training. The AUC is that on leads of no file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.training_memory import anonymous_bytes

SEED, FIRST, DAY = 42, 1_780_000_000_000, 86_400_000
AT_ONCE, UNSEEN, NUMBERS = 2000, 50_000, 8
LOOK = 0.02
"""Seconds between two looks at the memory."""
CASES = ("data set", "memory", "sample", "sample, disk")


def made_leads(number: int, rows: int) -> dict[str, Any]:
    """Return leads by column, and whether they converted; the same number gives the same leads."""
    random = np.random.default_rng([SEED, number])
    numbers = random.gamma(2, 10, size=(NUMBERS, rows))
    towns, plans = random.integers(0, 60, rows), random.integers(0, 4, rows)
    logit = 0.05 * numbers[0] - 0.04 * numbers[1] + 0.02 * np.maximum(numbers[2] - 20, 0)
    logit += 0.04 * (towns - 30) + 0.7 * (plans == 2) - 1.6
    numbers[random.random(numbers.shape) < 0.05] = np.nan
    return {
        **{f"n{i}": numbers[i] for i in range(NUMBERS)},
        "town": [f"town {town}" for town in towns.tolist()],
        "plan": [f"plan {plan}" for plan in plans.tolist()],
        "won": random.random(rows) < 1 / (1 + np.exp(-logit)),
    }


def _options(cache: Path | None) -> Any:
    from model.training.boosting import BoostingParameters
    from model.training.options import TrainOptions
    from model.training.xgboost_trainer import XgboostTrainer
    from stream.retraining.data_set import EXTRA, TARGET

    recipe = BoostingParameters(boosters=1, trees=30, eta=0.2)
    return TrainOptions(
        target=TARGET,
        positive=("true",),
        time="created_at",
        exclude=EXTRA,
        trainer=XgboostTrainer(recipe, cache=cache),
    )


def write_data_set(folder: Path, rows: int) -> dict[str, float]:
    """Make the data set of a number of leads; return the sizes of its file."""
    from agents.retraining.point_in_time import Cut
    from schemas.lead_outcome import encode_outcome
    from stream.retraining import data_set
    from stream.retraining.known_outcomes import KnownOutcomes
    from stream.retraining.lead_rows import LeadRows
    from stream.settings import load_settings

    cut = Cut(at=FIRST + 170 * DAY, horizon_ms=DAY, window_ms=169 * DAY)
    settings = load_settings(outcome_horizon_days=1)
    outcomes, leads = KnownOutcomes(settings), LeadRows(_bundle(folder), settings, cut, folder)
    step = 160 * DAY // rows
    for records, won in _records(rows, step):
        leads.add(records)
        outcomes.add(
            SimpleNamespace(value=encode_outcome(each), timestamp=each["occurred_at"])
            for each in won
        )
    plan: Any = SimpleNamespace(cut=cut)
    data = data_set.write_data_set(settings, plan, outcomes, leads, folder)
    return {"file": data.path.stat().st_size / 1e6, "rows": data.rows}


def _bundle(folder: Path) -> Any:
    """Return a model of the fields, by which records are decoded."""
    import pyarrow as pa

    from features.table_file import arrow_table
    from model.bundle import load_bundle
    from model.registry import Registry
    from model.training.train import train

    columns = made_leads(-1 % 2**32, 3000)
    columns["leadscore_converted"] = columns.pop("won")
    columns["created_at"] = pa.array(FIRST + np.arange(3000), pa.timestamp("ms", tz="UTC"))
    options = replace(_options(None), exclude=())
    trained = train(arrow_table(pa.table(columns), "leads"), options)
    registry = Registry(folder / "models")
    version = registry.publish("leads", trained.artefacts)
    return load_bundle(registry.location("leads", version), None)


def _records(rows: int, step: int) -> Iterator[tuple[list[Any], list[dict[str, Any]]]]:
    """Yield records of leads, and the outcomes of those that converted."""
    for number in range(rows // AT_ONCE):
        columns = made_leads(number, AT_ONCE)
        won = columns.pop("won")
        records, outcomes = [], []
        for row in range(AT_ONCE):
            offset = number * AT_ONCE + row
            at = FIRST + offset * step
            lead = {name: values[row] for name, values in columns.items()}
            lead = {name: value for name, value in lead.items() if value == value}
            lead |= {"lead_id": f"lead-{number}-{row}", "created_at": at}
            value = json.dumps(lead).encode()
            records.append(
                SimpleNamespace(
                    partition=0,
                    offset=number * AT_ONCE + row,
                    timestamp=at,
                    value=value,
                    headers=(),
                )
            )
            if won[row]:
                outcome = {"lead_id": lead["lead_id"], "outcome": "won", "occurred_at": at + 1000}
                outcomes.append(outcome)
        yield records, outcomes


def train_on(folder: Path, case: str, sample: int) -> dict[str, float]:
    """Train on the data set; return the AUC on unseen leads."""
    from model.training.train import train
    from stream.retraining.data_rows import DataRows
    from stream.retraining.data_set import FILE

    data: Any = SimpleNamespace(path=folder / FILE, sha256="0" * 64)
    rows = DataRows(data)
    most = len(rows) if case == "memory" else sample
    table, others = rows.training(len(rows), most, SEED)
    cache = folder / "cache" if case == "sample, disk" else None
    return {"auc": _auc(train(table, _options(cache), others=others))}


def _auc(trained: Any) -> float:
    import pyarrow as pa
    from sklearn.metrics import roc_auc_score

    from features.matrix import FeatureEncoder
    from features.table_file import arrow_table
    from model.serving.onnx_runtime import OnnxPredictor

    columns = made_leads(2**31, UNSEEN)
    won = columns.pop("won")
    columns["created_at"] = pa.array(np.full(UNSEEN, FIRST), pa.timestamp("ms", tz="UTC"))
    table = arrow_table(pa.table(columns), "unseen leads")
    spec = trained.metadata.spec
    encoder = FeatureEncoder(spec, trained.metadata.reference)
    matrix = encoder.encode(table.columns_for(spec.kinds, spec.file_readings), UNSEEN).matrix
    predicted = OnnxPredictor(trained.artefacts.onnx).predict(matrix).probability
    return float(roc_auc_score(won, predicted))


def measured(run: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return what a case returns, with its time in seconds and its memory in MB."""
    import stream.retraining.data_rows  # noqa: F401

    before, peak, ended = anonymous_bytes(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK):
            peak[0] = max(peak[0], anonymous_bytes())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    started = time.perf_counter()
    found = run()
    found["seconds"] = time.perf_counter() - started
    ended.set()
    watching.join()
    return {**found, "mb": (peak[0] - before) / 1e6}


def main() -> None:
    """Measure each number of rows in each way, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000])
    parser.add_argument("--sample", type=int, default=50_000)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.case:
        folder, [rows] = given.folder, given.rows
        run: Callable[[], dict[str, float]] = (
            (lambda: write_data_set(folder, rows))
            if given.case == "data set"
            else (lambda: train_on(folder, given.case, given.sample))
        )
        print(json.dumps(measured(run)))
        return
    print("| leads | case | memory, MB | s | AUC |\n|--:|---|--:|--:|--:|", flush=True)
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as name:
            for case in given.cases:
                command = [sys.executable, "-m", __spec__.name, "--case", case, "--folder", name]
                command += ["--rows", str(rows), "--sample", str(given.sample)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
                found = json.loads(done.stdout)
                auc = f"{found['auc']:.4f}" if "auc" in found else ""
                figures = f"{found['mb']:,.0f} | {found['seconds']:,.0f} | {auc}"
                print(f"| {rows:,} | {case} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
