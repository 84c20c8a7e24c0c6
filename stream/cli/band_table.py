"""The bands of a new model, as a table on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from model.metadata import Engagement
from model.training.bands import Bands

__all__ = ["print_bands"]


def print_bands(bands: Bands, engagement: Engagement, console: Console) -> None:
    """Print each band's threshold, leads, conversion and lift, and the healthy mean score."""
    table = Table(title="Bands, on leads that the model has not seen")
    table.add_column("band")
    for name in ("score from", "leads", "share", "conversion", "lift"):
        table.add_column(name, justify="right")
    for name, band in bands.named.items():
        table.add_row(
            name,
            f"{band.threshold:.4g}",
            f"{band.leads:,}",
            f"{band.share:.1%}",
            "" if band.conversion is None else f"{band.conversion:.1%}",
            "" if band.lift is None else f"{band.lift:.2f}",
        )
    console.print(table)
    console.print(
        f"Healthy mean score: {engagement.low:.1%} to {engagement.high:.1%}", highlight=False
    )
