"""`leadscore models benchmark`: the engines of a model, side by side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import orjson
from rich.table import Table
from rich.text import Text

from model.bundle import Bundle
from model.registry import Registry
from schemas.display import for_terminal
from schemas.errors import StartupError
from stream.cli.models_options import AS_JSON, REGISTRY, loaded, terminal
from stream.cli.output import print_json
from stream.engine_speed.measurement import ENGINES
from stream.process.child_process import end_child, start_child
from stream.process.exit_codes import exit_codes

__all__ = ["benchmark"]

PROGRAM = (sys.executable, "-m", "stream.engine_speed.engine_process")
HEADS = ("engine", "leads a call", "calls", "mean us", "p95 us", "p99 us", "us a lead")


@click.command()
@click.argument("model")
@click.option(
    "--seconds",
    type=click.FloatRange(0.01, 600),
    default=1.0,
    show_default=True,
    help="Time for each number of leads a call.",
)
@REGISTRY
@AS_JSON
def benchmark(model: str, seconds: float, registry: str, *, as_json: bool) -> None:
    """Compare the engines of MODEL: time and memory, with reasons.

    \b
      leadscore models benchmark leads
      leadscore models benchmark leads/3 --seconds 5 --json

    Engines are compiled trees, ONNX Runtime and XGBoost, one after another, each in a process of
    its own and on one thread. The leads are the model's golden rows. Memory is what opening the
    model and scoring 2,000 leads at once adds.

    Exit codes: 0 measured, 1 the model must not be used, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        bundle = loaded(Registry(registry), model)
        named = {"model": bundle.name, "version": bundle.version, "sha256": bundle.sha256}
        found = []
        for line in _measured(bundle, seconds):
            if as_json:
                print_json({**named, **line})
            found.append(line)
    if not as_json:
        _show(bundle, found)


def _measured(bundle: Bundle, seconds: float) -> Iterator[Mapping[str, Any]]:
    for engine in ENGINES:
        child = start_child(
            [*PROGRAM, bundle.location, engine, str(seconds)], stdout=subprocess.PIPE
        )
        try:
            assert child.stdout is not None
            for line in child.stdout:
                yield orjson.loads(line)
            if (code := child.wait()) != 0:
                raise StartupError(f"the process of the engine {engine} ended with code {code}")
        finally:
            end_child(child)


def _show(bundle: Bundle, found: Sequence[Mapping[str, Any]]) -> None:
    table = Table(
        *HEADS, title=Text(for_terminal(f"{bundle.name} version {bundle.version}")), box=None
    )
    for column in table.columns[1:]:
        column.justify = "right"
    notes = []
    for line in found:
        if "leads" in line:
            times = (f"{line[name]:,.1f}" for name in ("mean_us", "p95_us", "p99_us", "lead_us"))
            table.add_row(line["engine"], f"{line['leads']:,}", f"{line['calls']:,}", *times)
        elif "memory_mb" in line:
            notes.append(f"{line['engine']}: {line['memory_mb']:.0f} MB of memory")
        else:
            notes.append(f"{line['engine']}: not measured: {line['why_not']}")
    console = terminal()
    console.print(table)
    for note in notes:
        console.print(Text(for_terminal(note)))
