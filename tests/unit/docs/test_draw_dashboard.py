from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from docs.draw_dashboard import Answers, Points, draw, rows_of

DASHBOARDS = Path("monitoring/grafana/dashboards")


class Scripted(Answers):
    """A Prometheus with one series, which lacks some seconds in the middle."""

    def series(self, target: Mapping[str, Any], *, now: bool) -> dict[str, Points]:
        points = [(0.0, 1.0), (1.0, 2.0), (8.0, 3.0), (9.0, 4.0)]
        return {"age": points[-1:] if now else points}


def panels_of(name: str, lines: int = 99) -> list[dict[str, Any]]:
    dashboard = json.loads((DASHBOARDS / name).read_text())
    return rows_of(dashboard, ["Current state", "Fields", "Flow"], lines)


@pytest.mark.parametrize("name", ["worker.json", "drift.json"])
def test_every_panel_of_the_rows_is_drawn_with_its_title(name: str) -> None:
    panels = panels_of(name)

    svg = draw(panels, Scripted("http://prometheus", 0.0, 10.0, {}))

    ElementTree.fromstring(svg)  # it is XML
    titles = re.findall(r'font-weight="600">([^<]+)<', svg)
    assert titles == [panel["title"].replace("'", "&#x27;") for panel in panels]
    assert len(titles) > 6


def test_lines_that_are_left_out_leave_no_space() -> None:
    heights = {panel["gridPos"]["y"]: panel["gridPos"]["h"] for panel in panels_of("drift.json", 2)}

    [(first, height), (second, _)] = sorted(heights.items())
    assert (first, second) == (0, height)


def test_a_series_is_not_drawn_across_seconds_that_it_lacks() -> None:
    [panel, *_] = [each for each in panels_of("drift.json") if each["type"] == "timeseries"]
    panel = {**panel, "targets": panel["targets"][:1]}

    svg = draw([panel], Scripted("http://prometheus", 0.0, 10.0, {}))

    assert svg.count("<polyline") == 2
