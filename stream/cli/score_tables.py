"""Tables of two scores of the same leads: bands, quantiles."""

from __future__ import annotations

from rich.table import Table

from agents.comparison.bands import BandMatrix
from agents.comparison.score_shift import QUANTILES, ScoreShift
from schemas.scored_event import CATEGORIES

__all__ = ["band_matrix", "plain_table", "quantiles"]

BANDS = tuple(reversed(CATEGORIES))
SHOWN_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def plain_table(first: str, *numbers: str) -> Table:
    """Return a table without lines: a column of names, and columns of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def band_matrix(matrix: BandMatrix) -> Table:
    """Return leads by their band before, in rows, and after, in columns."""
    table = plain_table("", *BANDS)
    for before in BANDS:
        row = [matrix.counts[CATEGORIES.index(before), CATEGORIES.index(after)] for after in BANDS]
        table.add_row(before, *(f"{count:,}" for count in row))
    return table


def quantiles(shift: ScoreShift, before: str = "before", after: str = "after") -> Table:
    """Return means and quantiles of both scores and of their change.

    Parameters
    ----------
    shift
        The figures.
    before, after
        Names of the sides.
    """
    table = plain_table("", "mean", *(f"{share:.0%}" for share in SHOWN_QUANTILES))
    chosen = [QUANTILES.index(share) for share in SHOWN_QUANTILES]
    for name, mean, values, form in (
        (before, shift.mean_before, shift.quantiles_before, ".4f"),
        (after, shift.mean_after, shift.quantiles_after, ".4f"),
        ("change", shift.mean_after - shift.mean_before, shift.change_quantiles, "+.4f"),
    ):
        shown = (mean, *(values[i] for i in chosen))
        table.add_row(name, *(format(value, form) for value in shown))
    return table
