"""A backfill of many rows: ``python -m benchmarks.lake --rows 1000000 --rows 20000000``.

Leads of ``benchmarks.workload`` are written to Parquet files of a million rows, in a temporary
folder. `leadscore score --out` scores them, once for each number of rows and of processes. The
memory of each process and the CPU time of all are measured from outside.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from benchmarks.workload import NAME, artefacts, leads
from model.registry import Registry
from testing.process_tree import process_tree

__all__ = ["main"]

FILE_ROWS = 1_000_000
GROUP_ROWS = 250_000
DRAWN = 100_000
"""Different leads; each row group has them in another order, with ids of their own."""
SEED = 11
BYTES_A_ROW = 450
"""More than a row of input and output takes on the disk."""
LOOK_SECONDS = 0.2
BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LakeRun:
    """Measurement of a backfill.

    Attributes
    ----------
    rows, workers
        Rows that were scored, and processes that scored them.
    seconds, cpu_seconds
        From the start of the command to its end; CPU time of all its processes.
    peaks_mb
        Peak resident memory of each process, the largest first.
    load
        Load of the machine when it began: more than its cores slow it down.
    """

    rows: int
    workers: int
    seconds: float
    cpu_seconds: float
    peaks_mb: list[float]
    load: float


def write_leads(folder: Path, rows: int) -> None:
    """Write rows to Parquet files, a row group at a time.

    Parameters
    ----------
    folder
        Is created.
    rows
        A multiple of a million.
    """
    folder.mkdir(parents=True)
    drawn = pa.Table.from_pylist(leads(DRAWN)).drop_columns(["lead_id"])
    random = np.random.default_rng(SEED)
    for number, start in enumerate(range(0, rows, FILE_ROWS)):
        with pa.parquet.ParquetWriter(
            folder / f"leads-{number:05}.parquet", _group(drawn, random, 0, 1).schema
        ) as writer:
            for first in range(start, min(start + FILE_ROWS, rows), GROUP_ROWS):
                writer.write_table(_group(drawn, random, first, GROUP_ROWS))


def _group(drawn: Any, random: np.random.Generator, first: int, count: int) -> Any:
    """Return leads in a random order, with the ids from ``first`` on."""
    table = drawn.take(pa.array(random.integers(0, DRAWN, count)))
    numbers = pa.array(np.arange(first, first + count)).cast(pa.string())
    ids = pa.compute.binary_join_element_wise("lead", numbers, "-")
    return table.add_column(0, "lead_id", ids)


def measure(source: Path, rows: int, registry: Path, workers: int) -> LakeRun:
    """Score the first rows of a data set, and delete the scores."""
    files = sorted(source.iterdir())[: rows // FILE_ROWS]
    out = source.parent / "scores"
    command = [
        *(sys.executable, "-m", "stream", "score", *map(str, files), "--out", str(out)),
        *("--model", NAME, "--registry", str(registry), "--workers", str(workers), "--json"),
    ]
    load = os.getloadavg()[0]
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said)
        peaks, status, usage = _watched(process.pid)
        said.seek(0)
        account = orjson.loads(said.read().splitlines()[-1])
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    written = sum(pa.parquet.read_metadata(file).num_rows for file in out.glob("part-*.parquet"))
    shutil.rmtree(out)
    if process.returncode or not written == account["scored"] == rows:
        raise click.ClickException(
            f"expected {rows} scored rows, but {written} were written and {account['scored']}"
            f" counted; the command ended with {process.returncode}"
        )
    return LakeRun(
        rows,
        workers,
        seconds,
        usage.ru_utime + usage.ru_stime,
        sorted((peak for peak in peaks.values() if peak > 0), reverse=True),
        load,
    )


def _watched(pid: int) -> tuple[dict[int, float], int, Any]:
    """Wait for a process; return peak memory by process id, its status and its resource usage."""
    peaks: dict[int, float] = {}
    while True:
        for member in process_tree(pid):
            peaks[member] = max(peaks.get(member, 0.0), _peak_mb(member))
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return peaks, status, usage
        time.sleep(LOOK_SECONDS)


def _peak_mb(pid: int) -> float:
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def report(runs: Sequence[LakeRun]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, and what a billion rows cost by the longest run."""
    yield "| rows | processes | rows/s | CPU-s per million rows | memory of each, MB | load |"
    yield "|--:|--:|--:|--:|---|--:|"
    for run in runs:
        peaks = ", ".join(f"{peak:.0f}" for peak in run.peaks_mb)
        cpu = run.cpu_seconds / run.rows * 1e6
        rate = run.rows / run.seconds
        yield (
            f"| {run.rows:,} | {run.workers} | {rate:,.0f} | {cpu:.1f} | {peaks} | {run.load:.1f} |"
        )
    last = max(runs, key=lambda run: run.rows)
    cpu_hours = BILLION / last.rows * last.cpu_seconds / 3600
    hours = BILLION / last.rows * last.seconds / 3600
    yield ""
    yield (
        f"A billion rows at the rates of the run of {last.rows:,}: {cpu_hours:.1f} CPU-hours,"
        f" {hours:.1f} hours with {last.workers} processes on this machine."
    )


@click.command()
@click.option(
    "--rows",
    "sizes",
    type=click.IntRange(FILE_ROWS),
    multiple=True,
    default=(1_000_000, 20_000_000),
    show_default=True,
    help="Rows to score, a multiple of a million; may be repeated.",
)
@click.option(
    "--workers",
    "counts",
    type=click.IntRange(1),
    multiple=True,
    default=(os.cpu_count(),),
    show_default=True,
    help="Processes; may be repeated.",
)
@click.option("--folder", type=click.Path(path_type=Path), help="Folder for the temporary data.")
def main(sizes: Sequence[int], counts: Sequence[int], folder: Path | None) -> None:
    """Measure backfills, and print rows/s, CPU time, memory, and what a billion rows cost."""
    most = max(sizes)
    free = shutil.disk_usage(folder or tempfile.gettempdir()).free
    if free < most * BYTES_A_ROW:
        raise click.ClickException(
            f"expected {most * BYTES_A_ROW / 1e9:.1f} GB of free disk, there are {free / 1e9:.1f}"
        )
    with tempfile.TemporaryDirectory(dir=folder) as made:
        source, registry = Path(made) / "leads", Path(made) / "models"
        Registry(registry).publish(NAME, artefacts())
        write_leads(source, most)
        size = sum(file.stat().st_size for file in source.iterdir())
        click.echo(f"{most:,} rows in {size / 1e6:,.0f} MB of Parquet", err=True)
        runs = []
        for rows in sorted(sizes):
            for workers in counts:
                runs.append(measure(source, rows, registry, workers))
                click.echo(f"{rows:,} rows, {workers} processes: {runs[-1]}", err=True)
    click.echo("\n".join(report(runs)))


if __name__ == "__main__":
    main()
