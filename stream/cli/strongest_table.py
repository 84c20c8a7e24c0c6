"""Predictive power of single columns, as a table on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model.training.inspection import Inspection
from schemas.display import for_terminal

__all__ = ["print_strongest"]


def print_strongest(inspection: Inspection, console: Console) -> None:
    """Print the columns that predict best alone, with a mark on possible leaks."""
    suspicious = {leak.column for leak in inspection.leaks}
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True, width=1)
    table.add_column("column", overflow="fold")
    table.add_column("AUC alone", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for alone in inspection.strongest:
        hint = f"is '{alone.hint}' in its name known when a lead is scored?" if alone.hint else ""
        table.add_row(
            Text("!" if alone.column in suspicious else "", "yellow"),
            Text(for_terminal(alone.column)),
            f"{alone.auc:.3f}",
            Text(hint, "dim"),
        )
    console.print("\nThe strongest columns, each alone (0.5 is chance)", style="italic")
    console.print(table)
