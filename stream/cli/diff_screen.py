"""A comparison on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.comparison.movers import Mover, Scored
from agents.comparison.quality import PairedQuality
from agents.comparison.report import Comparison
from agents.comparison.segments import Segments
from schemas.display import for_terminal
from stream.cli.output import console
from stream.cli.score_tables import band_matrix, plain_table, quantiles

__all__ = ["show_comparison"]

WIDTH_IN_A_PIPE = 160


def show_comparison(comparison: Comparison) -> None:
    """Print a comparison: the answer, its limits, then the figures."""
    screen = console(WIDTH_IN_A_PIPE, highlight=False)
    subject = comparison.subject
    screen.print(Text(for_terminal(f"{subject.before}  →  {subject.after}"), "bold"))
    screen.print(Text(for_terminal(f"{comparison.counts.compared:,} {subject.leads}"), "dim"))
    screen.print()
    for sentence in comparison.sentences:
        screen.print(Text(for_terminal(sentence)))
    for note in comparison.notes:
        screen.print(Text(for_terminal(note), "dim"))
    for title, table in _tables(comparison):
        screen.print(Text(f"\n{title}", "italic"))
        screen.print(table)
    if comparison.movers:
        screen.print("\nLeads whose score changes most", style="italic")
        for mover in comparison.movers:
            _show_mover(mover, screen)


def _tables(comparison: Comparison) -> list[tuple[str, Table]]:
    per = "a day" if comparison.population.days else "in all"
    found = [
        (f"Leads of each band, {per}", _capacity(comparison)),
        ("Bands: rows before, columns after", band_matrix(comparison.matrix)),
        (f"Scores (KS distance {comparison.shift.ks:.3f})", quantiles(comparison.shift)),
    ]
    for field in comparison.segments:
        name = for_terminal(field.field)
        found.append((f"By {name}", _segments(field)))
        if field.has_quality:
            found.append((f"By {name}, leads with an outcome", _segment_quality(field)))
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
        change = f"{size.after - size.before:+,.0f}{margin}"
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


def _segment_quality(field: Segments) -> Table:
    """Return conversion and quality by segment; each cell is before → after."""
    columns = ("leads", "converted", "mean score", "AUC", "lift", "calibration error")
    table = plain_table("", *columns)
    table.add_column("difference")
    for segment in field.segments:
        name, quality = Text(for_terminal(segment.name)), segment.quality
        if quality is None:
            table.add_row(name, *("-" for _ in columns), "outcomes of both kinds are not known")
            continue
        pairs = [(each.before.value, each.after.value) for each in quality.estimates.values()]
        table.add_row(
            name,
            f"{quality.leads:,}",
            f"{quality.rate:.1%}",
            f"{quality.mean_before:.1%} → {quality.mean_after:.1%}",
            *(f"{before:.3f} → {after:.3f}" for before, after in pairs),
            quality.verdict,
        )
    return table


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
    for side, scored in (("before", mover.before), ("after ", mover.after)):
        screen.print(_scored(side, scored))


def _scored(side: str, scored: Scored) -> Text:
    because = for_terminal(scored.because)
    text = Text(f"  {side} {scored.score:.4f} {scored.category:<6} {because}", overflow="ellipsis")
    text.no_wrap = True
    return text
