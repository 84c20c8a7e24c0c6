"""Draw rows of a Grafana dashboard as SVG, from Prometheus' answers to its queries.

For the pictures of the documentation, without a Grafana: the layout, queries and legends are those
of the dashboard's file, the values those of a running Prometheus.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from monitoring.svg import element, polyline, text

COLUMN, LINE, GAP = 40.0, 26.0, 8.0
"""Pixels of a column and a line of Grafana's grid, and between panels."""
TITLE, AXIS, LEGEND = 22.0, 46.0, 16.0
GRID = "#2c3235"
COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#56a64b")
NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "grey": "#8e8e8e"}
STYLE = 'font-family="Inter, Helvetica, Arial, sans-serif" font-size="11" fill="#ccccdc"'

Points = Sequence[tuple[float, float]]


class Answers(NamedTuple):
    """A Prometheus, the span to ask for, in seconds since 1970, and the dashboard's variables."""

    url: str
    start: float
    end: float
    variables: Mapping[str, str]

    def series(self, target: Mapping[str, Any], *, now: bool) -> dict[str, Points]:
        """Return the answer to a query by its legend; with ``now`` at the span's end alone."""
        query = target["expr"]
        for name, value in self.variables.items():
            query = query.replace(f"${name}", value)
        given = {"query": query, "start": self.end if now else self.start, "end": self.end}
        asked = urllib.parse.urlencode(given | {"step": "1"})
        with urllib.request.urlopen(f"{self.url}/api/v1/query_range?{asked}") as answer:
            found = json.load(answer)["data"]["result"]
        return {
            _legend(target.get("legendFormat", ""), each["metric"]): [
                (float(time), float(value)) for time, value in each["values"] if value != "NaN"
            ]
            for each in found
        }


def _legend(form: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), form)


def rows_of(dashboard: Mapping[str, Any], names: Sequence[str], lines: int) -> list[dict[str, Any]]:
    """Return the first lines of panels of the named rows, moved up to the top."""
    chosen: list[dict[str, Any]] = []
    is_chosen = False
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            is_chosen = panel["title"] in names
        elif is_chosen:
            chosen.append(panel)
    heights = {panel["gridPos"]["y"]: panel["gridPos"]["h"] for panel in chosen}
    moved, y = {}, 0
    for place in sorted(heights)[:lines]:
        moved[place], y = y, y + heights[place]
    return [
        {**panel, "gridPos": panel["gridPos"] | {"y": moved[panel["gridPos"]["y"]]}}
        for panel in chosen
        if panel["gridPos"]["y"] in moved
    ]


def draw(panels: Iterable[Mapping[str, Any]], answers: Answers) -> str:
    """Return the SVG of panels: of stats, bar gauges and time series."""
    parts, bottom = [], 0.0
    for panel in panels:
        grid = panel["gridPos"]
        x, y = grid["x"] * COLUMN + GAP, grid["y"] * LINE + GAP
        width, height = grid["w"] * COLUMN - GAP, grid["h"] * LINE - GAP
        bottom = max(bottom, y + height)
        frame = element("rect", width=width, height=height, rx=3, fill="#181b1f", stroke=GRID)
        title = text(8, 16, panel["title"], font_weight="600")
        inside = _inside(panel, answers, width, height)
        parts.append(element("g", frame, title, inside, transform=f"translate({x:g},{y:g})"))
    width = 24 * COLUMN + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {bottom + GAP:g}"'
        f' {STYLE}><rect width="100%" height="100%" fill="#111217"/>{"".join(parts)}</svg>\n'
    )


def _inside(panel: Mapping[str, Any], answers: Answers, width: float, height: float) -> str:
    is_now = panel["type"] != "timeseries"
    series: dict[str, Points] = {}
    for target in panel["targets"]:
        series |= answers.series(target, now=is_now)
    defaults = panel["fieldConfig"]["defaults"]
    unit, steps = defaults.get("unit", "short"), defaults.get("thresholds", {}).get("steps", [])
    match panel["type"]:
        case "stat":
            return _stat(series, unit, steps, width, height)
        case "bargauge":
            return _bars(series, unit, steps, width, height)
        case "timeseries":
            return _lines(series, unit, width, height, (answers.start, answers.end))
        case other:
            raise ValueError(f"expected a stat, bargauge or timeseries, got a {other}")


def _colour(value: float, steps: Iterable[Mapping[str, Any]]) -> str:
    """Return the colour of the highest threshold that a value reaches."""
    reached = ["green", *(s["color"] for s in steps if value >= (s["value"] or -math.inf))]
    return NAMED[reached[-1]]


def _stat(
    series: Mapping[str, Points], unit: str, steps: list[Any], width: float, height: float
) -> str:
    values = [points[-1][1] for points in series.values() if points]
    shown = _number(values[0], unit) if values else "no data"
    colour = _colour(values[0], steps) if values else NAMED["grey"]
    return text(width / 2, height * 0.68, shown, font_size=26, fill=colour, text_anchor="middle")


def _bars(
    series: Mapping[str, Points], unit: str, steps: list[Any], width: float, height: float
) -> str:
    values = sorted(
        ((points[-1][1], name) for name, points in series.items() if points), reverse=True
    )
    top = max((value for value, _ in values), default=0.0) or 1.0
    line, left = 13.0, 110.0
    parts = []
    for row, (value, name) in enumerate(values[: int((height - TITLE) // line)]):
        y = TITLE + 4 + row * line
        across = max(value, 0.0) / top * (width - left - 50)
        parts += [
            text(left - 6, y + 9, name, text_anchor="end", font_size=10),
            element("rect", x=left, y=y + 1, width=across, height=9, fill=_colour(value, steps)),
            text(left + across + 5, y + 9, _number(value, unit), font_size=10),
        ]
    return "".join(parts)


def _lines(
    series: Mapping[str, Points], unit: str, width: float, height: float, span: tuple[float, float]
) -> str:
    shown = {name: points for name, points in series.items() if points}
    top = max((value for points in shown.values() for _, value in points), default=0.0) or 1.0
    left, right, high = AXIS, width - 10, TITLE + 6
    low = height - 18 - LEGEND
    start, end = span

    def place(time: float, value: float) -> tuple[float, float]:
        across = left + (time - start) / (end - start) * (right - left)
        return across, low - value / top * (low - high)

    parts = []
    for share in (0.0, 0.5, 1.0):
        y = low - share * (low - high)
        parts += [
            element("path", d=f"M{left:g} {y:.1f}H{right:g}", stroke=GRID),
            text(left - 5, y + 4, _number(share * top, unit), text_anchor="end", font_size=10),
        ]
    for time, anchor in ((start, "start"), (end, "end")):
        clock = datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S")
        x = left if anchor == "start" else right
        parts.append(text(x, low + 13, clock, text_anchor=anchor, font_size=10))
    x = left
    for colour, (name, points) in zip(COLOURS * 4, shown.items(), strict=False):
        parts += [polyline([place(*point) for point in run], colour, 1.4) for run in _runs(points)]
        words = len(name) * 5.6 + 22
        if x + words < right:
            parts += [
                element("rect", x=x, y=height - 14, width=10, height=3, fill=colour),
                text(x + 14, height - 9, name, font_size=10),
            ]
        x += words
    return "".join(parts)


def _runs(points: Points) -> list[list[tuple[float, float]]]:
    """Split a series where seconds are missing."""
    runs = [[points[0]]]
    for before, after in pairwise(points):
        if after[0] - before[0] > 1.5:
            runs.append([])
        runs[-1].append(after)
    return runs


def _number(value: float, unit: str) -> str:
    match unit:
        case "percentunit":
            return f"{value:.1%}"
        case "s" if value < 1:
            return f"{value * 1000:.3g} ms"
        case "s":
            return f"{value:.3g} s"
        case "bytes":
            return f"{value / 2**20:.0f} MiB"
        case "cps":
            return f"{value:,.0f} /s"
        case _:
            return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def main() -> None:
    """Read the command line and write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dashboard", type=Path)
    parser.add_argument("--rows", required=True, help="titles of rows, separated by commas")
    parser.add_argument("--lines", type=int, default=99, help="maximum number of lines of panels")
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--start", type=float, required=True, help="seconds since 1970")
    parser.add_argument("--end", type=float, required=True)
    parser.add_argument("--rate-interval", default="10s")
    parser.add_argument("--window", default="1h", help="the variable of the drift dashboard")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    variables = {"__rate_interval": given.rate_interval, "window": given.window}
    answers = Answers(given.prometheus, given.start, given.end, variables)
    panels = rows_of(json.loads(given.dashboard.read_text()), given.rows.split(","), given.lines)
    given.out.write_text(draw(panels, answers), encoding="utf-8")


if __name__ == "__main__":
    main()
