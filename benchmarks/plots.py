"""Plots of the benchmark as SVG, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.report import PARTS_OF, cpu_rate
from benchmarks.results import Results
from monitoring.svg import element, polyline, text

__all__ = ["PLACES", "bars", "lines", "write_plots"]

PLACES = {
    "speed": "speed",
    "latency-p50": "latency",
    "latency-p99": "latency",
    "scaling": "scaling",
}
"""The table below which each plot is placed."""

WIDTH = 760
OURS, OTHERS = "#0b6e4f", "#9aa5b1"
COLOURS = ("#0b6e4f", "#c8553d", "#3d5a80", "#8e6c8a", "#b08900", "#5f6b6d")
MANY = 60
"""Number of points from which they are not marked individually."""
LETTER = 7.2
"""Width of a letter in pixels, about."""
TEXT = {"font_family": "sans-serif", "font_size": "13", "fill": "#222"}

Points = Sequence[tuple[float, float]]


def write_plots(results: Results, folder: Path) -> dict[str, Path]:
    """Write the plots of the available results; return their files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    if results.speed:
        found["speed"] = bars(
            "Leads scored per CPU-second, one core",
            {
                CONTENDERS[name].name: cpu_rate(runs)
                for name, runs in results.speed.items()
                if name not in PARTS_OF and CONTENDERS[name].cores == 1
            },
        )
    if results.latency:
        for name in ("p50", "p99"):
            found[f"latency-{name}"] = lines(
                f"Latency ({name}), ms",
                "leads per second",
                {
                    CONTENDERS[key].name: [
                        (run.rate, max(getattr(run, name), 1))
                        for run in runs
                        if not math.isnan(run.p50)  # it scored no lead in time
                    ]
                    for key, runs in results.latency.items()
                },
            )
    if results.costs:
        by_backlog = [(c.events, c.cpu_us) for c in results.costs if c.partitions == 4]
        found["scaling"] = lines(
            "CPU time per lead, µs", "leads at once", {"LeadScore": by_backlog}
        )
    paths = {name: folder / f"bench-{name}.svg" for name in found}
    for name, path in paths.items():
        path.write_text(found[name])
    return paths


def bars(title: str, values: Mapping[str, float]) -> str:
    """Return a bar chart with values; LeadScore's bars have their own colour."""
    left, row = 18 + round(LETTER * max(map(len, values))), 26
    most = max(values.values())
    shapes = [_text(10, 22, title, "bold")]
    for i, (name, value) in enumerate(sorted(values.items(), key=lambda item: -item[1])):
        y = 40 + i * row
        width = (WIDTH - left - 80) * value / most
        colour = OURS if name.startswith("LeadScore") else OTHERS
        shapes += [
            _text(left - 8, y + 14, name, anchor="end"),
            element("rect", x=left, y=y, width=width, height=18, fill=colour),
            _text(left + width + 6, y + 14, f"{value:,.0f}"),
        ]
    return _svg(50 + len(values) * row, shapes)


def lines(title: str, axis: str, series: Mapping[str, Points], *, from_zero: bool = False) -> str:
    """Return a line chart; both axes are logarithmic, or linear from 0."""
    left, top, right, bottom = 70, 45, 250, 50
    height = 380
    points = [point for line in series.values() for point in line]
    scale, marks = (_even_scale, _steps) if from_zero else (_scale, _decades)
    across = scale([x for x, _ in points], left, WIDTH - right)
    up = scale([y for _, y in points], height - bottom, top)
    named = _steps([x for x, _ in points]) if from_zero else {x for x, _ in points}
    shapes = [_text(10, 22, title, "bold")]
    for y in marks([y for _, y in points]):
        shapes += [
            element("line", x1=left, x2=WIDTH - right, y1=up(y), y2=up(y), stroke="#ddd"),
            _text(left - 8, up(y) + 4, f"{y:g}", anchor="end"),
        ]
    shapes += [
        _text(across(x), height - bottom + 20, f"{x:,.0f}", anchor="middle")
        for x in _apart(set(named), across)
    ]
    shapes.append(_text((left + WIDTH - right) / 2, height - 10, axis, anchor="middle"))
    for i, (name, line) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [(across(x), up(y)) for x, y in sorted(line)]
        shapes.append(polyline(places, colour, 2))
        radius = 3 if len(line) < MANY else 0
        shapes += [element("circle", cx=x, cy=y, r=radius, fill=colour) for x, y in places]
        at = top + 10 + i * 22
        shapes += [
            element("rect", x=WIDTH - right + 16, y=at - 9, width=12, height=12, fill=colour),
            _text(WIDTH - right + 34, at + 2, name),
        ]
    return _svg(height, shapes)


def _scale(values: Sequence[float], begin: float, end: float) -> Callable[[float], float]:
    low, high = math.log10(min(values)), math.log10(max(values))
    low, high = (low - 0.2, high + 0.2) if high - low < 0.1 else (low, high)
    # At least a decade, so that noise of a flat line does not fill the plot.
    if end < begin:
        low, high = math.floor(low), math.ceil(high)
    return lambda value: begin + (math.log10(value) - low) / (high - low) * (end - begin)


def _even_scale(values: Sequence[float], begin: float, end: float) -> Callable[[float], float]:
    most = _steps(values)[-1]
    return lambda value: begin + value / most * (end - begin)


def _steps(values: Sequence[float]) -> list[float]:
    """Return round numbers from 0 to beyond the largest value."""
    rough = max(values) / 5
    step = next(
        size * 10.0**power
        for power in range(math.floor(math.log10(rough)), 20)
        for size in (1, 2, 5)
        if size * 10.0**power >= rough
    )
    return [step * i for i in range(math.ceil(max(values) / step) + 1)]


def _decades(values: Sequence[float]) -> list[float]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(low, high + 1)]


def _apart(values: set[float], across: Callable[[float], float]) -> list[float]:
    """Return the values whose labels do not overlap."""
    kept: list[float] = []
    for value in sorted(values):
        if not kept or across(value) - across(kept[-1]) > 60:
            kept.append(value)
    return kept


def _text(x: float, y: float, words: str, weight: str = "normal", anchor: str = "start") -> str:
    return text(x, y, words, **TEXT, font_weight=weight, text_anchor=anchor)


def _svg(height: int, shapes: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *shapes, "</svg>\n"])
