"""Peak memory and time of one booster, its rows in memory and on disk.

    python -m benchmarks.training_memory --rows 200000 1000000

The matrix is memory-mapped in both cases, so that what is measured is what training adds: the
masked copies and XGBoost's own. Each case is a process of its own; memory is its anonymous memory
at the most, less what it had before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

COLUMNS = 40
SEED = 42
LOOK = 0.02
"""Seconds between two looks at the memory."""
CASES = ("memory", "disk")


def measure(case: str, matrix: Path, cache: Path) -> dict[str, float]:
    """Train one booster in this process; return its time in seconds and its memory in MB."""
    from features.field_spec import NumberField
    from features.spec import FeatureSpec
    from model.training.boosting import BoostingParameters
    from model.training.xgboost_trainer import XgboostTrainer

    rows = np.load(matrix, mmap_mode="r")
    labels = np.nan_to_num(rows[:, 0]) > 0
    spec = FeatureSpec(fields=tuple(NumberField(name=f"n{i}") for i in range(COLUMNS)))
    recipe = BoostingParameters(boosters=1, trees=50, eta=0.18)
    trainer = XgboostTrainer(recipe, cache=cache if case == "disk" else None)
    before, peak, ended = anonymous_bytes(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK):
            peak[0] = max(peak[0], anonymous_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    started = time.perf_counter()
    trainer.train(spec, rows, labels, seed=SEED, threads=1)
    seconds = time.perf_counter() - started
    ended.set()
    watching.join()
    return {"seconds": seconds, "mb": (peak[0] - before) / 1e6}


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def _write(folder: Path, rows: int) -> Path:
    path, random = folder / "rows.npy", np.random.default_rng(SEED)
    matrix = np.lib.format.open_memmap(
        str(path), mode="w+", dtype=np.float32, shape=(rows, COLUMNS)
    )
    for start in range(0, rows, 100_000):
        block = random.normal(size=(min(100_000, rows - start), COLUMNS))
        block[random.random(block.shape) < 0.05] = np.nan
        matrix[start : start + len(block)] = block
    matrix.flush()
    return path


def main() -> None:
    """Measure each number of rows in both ways, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000])
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(given.case, given.folder / "rows.npy", given.folder)))
        return
    print("| rows | matrix, MB | in memory, MB | s | on disk, MB | s |")
    print("|--:|--:|--:|--:|--:|--:|")
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as name:
            size = _write(Path(name), rows).stat().st_size
            cells = []
            for case in CASES:
                command = [sys.executable, "-m", __spec__.name, "--case", case, "--folder", name]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
                found = json.loads(done.stdout)
                cells += [f"{found['mb']:,.0f}", f"{found['seconds']:,.1f}"]
        print(f"| {rows:,} | {size / 1e6:,.0f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
