"""A comparison on the terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.comparison.movers import Mover
from agents.comparison.quality import PairedQuality
from agents.comparison.report import Comparison
from agents.comparison.segment_quality import SegmentQuality
from agents.comparison.segments import Segments
from schemas.display import for_terminal
from stream.cli.output import console
from stream.cli.score_tables import band_matrix, plain_table, quantiles

__all__ = ["show_comparison"]

WIDTH_IN_A_PIPE = 160
WIDE = 110
"""Columns from which on the quality of a segment is one row, with its name and its verdict."""


def show_comparison(comparison: Comparison) -> None:
    """Print a comparison: the answer, its limits, then the figures."""
    screen = console(WIDTH_IN_A_PIPE, highlight=False)
    subject = comparison.subject
    screen.print(Text(for_terminal(f"{subject.before}  →  {subject.after}"), "bold"))
    screen.print(Text(for_terminal(comparison.compared_leads), "dim"))
    screen.print()
    for sentence in comparison.sentences:
        screen.print(Text(for_terminal(sentence)))
    for note in comparison.notes:
        screen.print(Text(for_terminal(note), "dim"))
    for title, table in _tables(comparison, screen.width):
        screen.print(Text(f"\n{title}", "italic"))
        screen.print(table)
    if comparison.movers:
        screen.print("\nLeads whose score changes most", style="italic")
        for mover in comparison.movers:
            _show_mover(mover, screen)


def _tables(comparison: Comparison, width: int) -> list[tuple[str, RenderableType]]:
    per = "a day" if comparison.population.days else "in all"
    found: list[tuple[str, RenderableType]] = [
        (f"Leads of each band, {per}", _capacity(comparison)),
        ("Bands: rows before, columns after", band_matrix(comparison.matrix)),
        (f"Scores (KS distance {comparison.shift.ks:.3f})", quantiles(comparison.shift)),
    ]
    for field in comparison.segments:
        name = for_terminal(field.field)
        found.append((f"By {name}", _segments(field)))
        if field.has_quality:
            tables = Group(*_segment_quality(field, is_wide=width >= WIDE))
            found.append((f"By {name}, leads with an outcome", tables))
    if comparison.quality:
        found.append(
            (
                f"Quality on {comparison.quality.before.rows:,} leads with an outcome",
                _quality(comparison.quality),
            )
        )
    return found


def _capacity(comparison: Comparison) -> Table:
    table = plain_table("band", "before", "after", "change")
    for name, size in comparison.capacity.items():
        margin = f" ±{size.margin:,.0f}" if size.margin >= 0.5 else ""
        change = f"{round(size.after) - round(size.before):+,}{margin}"
        table.add_row(name, f"{size.before:,.0f}", f"{size.after:,.0f}", change)
    return table


def _segments(field: Segments) -> Table:
    table = plain_table("", "leads", "mean before", "after", "High before", "after", "moved")
    for segment in field.segments:
        row = [
            f"{segment.leads:,}",
            f"{segment.mean_before:.4f}",
            f"{segment.mean_after:.4f}",
            f"{segment.high_before:.1%}",
            f"{segment.high_after:.1%}",
            f"{segment.moved_share:.1%}",
        ]
        table.add_row(Text(for_terminal(segment.name)), *row)
    return table


def _segment_quality(field: Segments, *, is_wide: bool) -> list[Table]:
    """Return conversion and quality by segment, in two tables where the screen is narrow."""
    columns = ("leads", "converted", "mean score", "AUC", "lift", "calibration error")
    parts = (columns,) if is_wide else (columns[:4], columns[4:])
    tables = [plain_table("", *part) for part in parts]
    tables[-1].add_column("difference")
    for segment in field.segments:
        name, cells = Text(for_terminal(segment.name)), _quality_cells(segment.quality)
        start = 0
        for table in tables:
            stop = start + len(table.columns) - 1
            table.add_row(name, *cells[start:stop])
            start = stop
    return tables


def _quality_cells(quality: SegmentQuality | None) -> list[str]:
    """Return the figures of a segment, each before → after, and what differs beyond noise."""
    if quality is None:
        return ["-"] * 6 + ["outcomes of both kinds are not known"]
    pairs = [(each.before.value, each.after.value) for each in quality.estimates.values()]
    return [
        f"{quality.leads:,}",
        f"{quality.rate:.1%}",
        f"{quality.mean_before:.1%} → {quality.mean_after:.1%}",
        *(f"{before:.3f} → {after:.3f}" for before, after in pairs),
        quality.verdict,
    ]


def _quality(quality: PairedQuality) -> Table:
    table = plain_table("", "before", "after", "difference", "95 % interval", "")
    for name, estimate in quality.estimates.items():
        gain = estimate.difference
        table.add_row(
            {"auc": "AUC", "brier": "Brier score"}.get(name, name.replace("_", " ")),
            f"{estimate.before.value:.4f}",
            f"{estimate.after.value:.4f}",
            f"{gain.value:+.4f}",
            f"{gain.low:+.4f} to {gain.high:+.4f}",
            "" if estimate.is_clear else "within the noise",
        )
    rate, before, after = quality.before.rate, quality.before.mean_score, quality.after.mean_score
    table.add_row("mean score", f"{before:.4f}", f"{after:.4f}", "", f"conversion {rate:.4f}", "")
    return table


def _show_mover(mover: Mover, screen: Console) -> None:
    name = mover.place if mover.lead_id is None else f"{mover.lead_id} ({mover.place})"
    screen.print(Text.assemble((for_terminal(name), "bold"), f"  {mover.change:+.4f}"))
    sides = Table.grid(padding=(0, 1))
    for _ in range(3):
        sides.add_column(no_wrap=True)
    sides.add_column(overflow="fold")
    for side, scored in (("  before", mover.before), ("  after", mover.after)):
        because = Text(for_terminal(scored.because))
        sides.add_row(side, f"{scored.score:.4f}", scored.category, because)
    screen.print(sides)
