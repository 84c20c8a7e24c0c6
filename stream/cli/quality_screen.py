"""Screen of `leadscore quality`: figures, verdict, bands, weeks and segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.quality.verdict import QualityVerdict
from monitoring.quality.assessment import BandFigures, QualityFigures
from monitoring.quality.cohorts import week_name
from monitoring.quality.diagnosis import DriftKind
from monitoring.quality.fairness import SegmentRow
from monitoring.quality.figure import Figure
from schemas.display import for_terminal
from stream.cli.quality_options import ShownQuality, WeekRow

__all__ = ["quality_screen"]

NONE = "-"
KIND_STYLES = {
    None: "dim",
    DriftKind.NONE: "green",
    DriftKind.COVARIATE: "yellow",
    DriftKind.CONCEPT: "bold red",
    DriftKind.BOTH: "bold red",
}
MANY_COLUMNS = 8
"""Columns from which on they are close together, so that 80 characters hold them."""
Justify = Literal["left", "right"]


def quality_screen(quality: ShownQuality, topic: str) -> RenderableType:
    """Return the screen of a model.

    Parameters
    ----------
    quality
        What is shown.
    topic
        Topic of the scores.

    Returns
    -------
    RenderableType
        At least 80 characters wide.
    """
    shown = quality.shown
    parts: list[RenderableType] = [_head(quality, topic), Text(), _figures_table(quality)]
    parts += [Text(), _verdict(quality.verdict)]
    if shown.latest.bands:
        parts += [Text(), _band_table(shown.latest)]
    parts += [Text(), _week_table(quality.weeks)]
    if quality.field is not None:
        parts += [Text(), _segment_table(quality.field, quality.segments)]
    return Group(*parts)


def _head(quality: ShownQuality, topic: str) -> Text:
    model = quality.shown.model
    name = for_terminal(f"{model.id} {model.version}")
    return Text(f"Model {name} ({model.sha256[:12]}), scores of {for_terminal(topic)}", "bold")


def _figures_table(quality: ShownQuality) -> Table:
    shown, span = quality.shown, quality.shown.span
    latest, before = shown.latest, shown.before
    names = ["all weeks"]
    if span is not None:
        weeks = sorted(span.latest)
        names = [f"{week_name(weeks[0])} to {week_name(weeks[-1])}", "12 weeks before"]
    table = _table(("", "left"), *((name, "left") for name in names))
    columns = [_column(figures) for figures in (latest, before)[: len(names)]]
    for row in zip(_LABELS, *columns, strict=True):
        table.add_row(*row)
    return table


_LABELS = (
    "known outcomes",
    "not known yet",
    "conversion",
    "mean score",
    "AUC",
    "  estimated",
    "average precision",
    "lift, best tenth",
    "Brier score",
    "log loss",
    "calibration error",
)


def _column(figures: QualityFigures | None) -> Iterator[str]:
    """Yield the figures in the order of the labels."""
    if figures is None:
        yield from [NONE] * len(_LABELS)
        return
    calibration, estimated = figures.calibration, figures.estimated
    yield f"{figures.leads:,}"
    yield f"{figures.unknown:,}"
    yield _share(figures.conversion)
    yield NONE if figures.mean_score is None else f"{figures.mean_score:.1%}"
    yield _number(figures.auc)
    yield NONE if estimated is None else f"{estimated.auc.value:.3f} if calibration holds"
    yield _number(figures.average_precision)
    yield _number(figures.lift, 2)
    yield _number(figures.brier)
    yield _number(figures.log_loss)
    if calibration is None:
        yield NONE
    else:
        yield f"{calibration.error:.3f} ({calibration.noise:.3f} by chance)"


def _verdict(verdict: QualityVerdict) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    kind = "unknown" if verdict.kind is None else str(verdict.kind)
    grid.add_row("Drift", Text(kind, KIND_STYLES[verdict.kind]))
    for finding in verdict.findings:
        grid.add_row("", finding)
    grid.add_row("", verdict.advice)
    return grid


def _band_table(figures: QualityFigures) -> Table:
    table = _table(
        ("band", "left"),
        *(("known", "right"), ("converted", "right"), ("conversion", "left")),
        *(("unknown", "right"), ("money", "left")),
    )
    for band in figures.bands:
        table.add_row(
            for_terminal(band.band),
            f"{band.leads:,}",
            f"{band.positives:,}",
            _share(band.conversion),
            f"{band.unknown:,}",
            _money(band),
        )
    return table


def _week_table(weeks: tuple[WeekRow, ...]) -> Table:
    table = _table(
        ("week", "left"),
        *(("known", "right"), ("unknown", "right"), ("conversion", "left")),
        *(("score", "right"), ("AUC", "left"), ("estimated", "right"), ("calibration", "right")),
    )
    for row in weeks:
        found = row.figures
        calibration, estimated = found.calibration, found.estimated
        off = "red" if calibration is not None and calibration.is_off else ""
        table.add_row(
            row.week,
            f"{found.leads:,}",
            f"{found.unknown:,}",
            _short_share(found.conversion),
            NONE if found.mean_score is None else f"{found.mean_score:.1%}",
            _short_number(found.auc),
            NONE if estimated is None else f"{estimated.auc.value:.3f}",
            NONE if calibration is None else Text(f"{calibration.error:.3f}", off),
        )
    return table


def _segment_table(field: str, segments: tuple[SegmentRow, ...]) -> Table:
    table = _table(
        (for_terminal(field), "left"),
        *(("known", "right"), ("conversion", "left"), ("bias", "right"), ("High", "right")),
        *(("found", "right"), ("AUC", "left"), ("gap", "right")),
        gives_way=for_terminal(field),
    )
    for row in segments:
        gap = row.auc_gap
        table.add_row(
            Text(for_terminal(row.segment), no_wrap=True, overflow="ellipsis"),
            f"{row.leads:,}",
            _short_share(row.conversion),
            Text(_points(row.bias), "red" if row.is_miscalibrated else ""),
            NONE if row.selected is None else f"{row.selected.value:.1%}",
            NONE if row.true_positive_rate is None else f"{row.true_positive_rate.value:.1%}",
            _short_number(row.auc),
            Text(NONE if gap is None else f"{gap.value:+.3f}", "red" if row.is_worse else ""),
        )
    table.caption = Text(
        "bias: mean score less conversion, in points; High: share of all leads in this band;"
        " found: share of the leads that converted which were in it; gap: AUC less that of all"
        " other segments. ±: 95 % interval. Red: other than the other leads, beyond noise.",
        "dim",
    )
    return table


def _table(*columns: tuple[str, Justify], gives_way: str = "money") -> Table:
    """Return a table without rows; one of its columns shrinks if the terminal is narrow."""
    padding = 2 if len(columns) < MANY_COLUMNS else 1
    table = Table(box=None, padding=(0, padding, 0, 0), pad_edge=False, caption_justify="left")
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=name != gives_way)
    return table


def _share(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    return f"{figure.value:.1%} ({100 * figure.low:.1f}-{100 * figure.high:.1f})"


def _number(figure: Figure | None, digits: int = 3) -> str:
    if figure is None:
        return NONE
    low, high = f"{figure.low:.{digits}f}", f"{figure.high:.{digits}f}"
    return f"{figure.value:.{digits}f} ({low}-{high})"


def _short_share(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    return f"{figure.value:.1%} ±{50 * (figure.high - figure.low):.1f}"


def _points(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    return f"{100 * figure.value:+.1f} ±{50 * (figure.high - figure.low):.1f}"


def _short_number(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    return f"{figure.value:.3f} ±{(figure.high - figure.low) / 2:.3f}"


def _money(band: BandFigures) -> str:
    found = (
        f"{amount:,.0f} {for_terminal(currency) or '?'}" for currency, amount in band.money.items()
    )
    return ", ".join(found) or NONE
