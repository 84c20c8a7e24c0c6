"""Plots of a comparison as inline SVG, which scales with the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from agents.comparison.quality import CalibrationPoint
from agents.comparison.score_shift import Histogram
from monitoring.svg import element, polyline, text

__all__ = ["AFTER", "BEFORE", "bars", "calibration", "distributions"]

BEFORE, AFTER = "#8a94a6", "#0b6e4f"
GRID, INK, FAINT = "#e4e7ec", "#1d2733", "#5d6878"
WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 48, 26, 12, 46
CAP = 1.05
"""Space above the highest value."""


def distributions(histogram: Histogram) -> str:
    """Return both distributions of the scores as steps over one axis."""
    total = max(int(histogram.before.sum()), 1)
    before, after = (counts / total for counts in (histogram.before, histogram.after))
    most = max(float(before.max()), float(after.max()), 1e-9) * CAP
    edges: list[float] = histogram.edges.tolist()

    def across(score: float) -> float:
        return LEFT + score / edges[-1] * (WIDTH - LEFT - RIGHT)

    shapes = [*_grid_up(most, "{:.0%}"), *_axis(edges[-1], across, "score")]
    for shares, colour, opacity in ((before, BEFORE, 0.35), (after, AFTER, 0.0)):
        points = [f"{across(edges[0]):.1f},{_up(0, most):.1f}"]
        for low, high, share in zip(edges, edges[1:], shares.tolist(), strict=False):
            points += [f"{across(x):.1f},{_up(share, most):.1f}" for x in (low, high)]
        points.append(f"{across(edges[-1]):.1f},{_up(0, most):.1f}")
        shapes.append(
            element(
                "polygon",
                points=" ".join(points),
                fill=colour,
                fill_opacity=str(opacity),
                stroke=colour,
                stroke_width=2,
                stroke_linejoin="round",
            )
        )
    return _svg(shapes, "Distribution of the scores before and after")


def calibration(before: Sequence[CalibrationPoint], after: Sequence[CalibrationPoint]) -> str:
    """Return the conversion of tenths of the leads over their mean score, for both scores."""
    values = [value for point in (*before, *after) for value in (point.score, point.rate)]
    most = min(max(max(values) * CAP, 0.01), 1.0)

    def across(score: float) -> float:
        return LEFT + score / most * (WIDTH - LEFT - RIGHT)

    shapes = [
        *_grid_up(most, "{:.0%}"),
        *_axis(most, across, "what the score says"),
        element(
            "line",
            x1=across(0),
            y1=_up(0, most),
            x2=across(most),
            y2=_up(most, most),
            stroke=FAINT,
            stroke_dasharray="5 5",
        ),
    ]
    for curve, colour in ((before, BEFORE), (after, AFTER)):
        places = [(across(p.score), _up(min(p.rate, most), most), p) for p in curve]
        shapes.append(polyline([(x, y) for x, y, _ in places], colour, 2))
        shapes += [
            element("circle", element("title", _of_point(p)), cx=x, cy=y, r=5, fill=colour)
            for x, y, p in places
        ]
    return _svg(shapes, "What the scores say against what converted")


def _of_point(point: CalibrationPoint) -> str:
    return f"{point.leads:,} leads: score {point.score:.1%}, converted {point.rate:.1%}"


def bars(rows: Iterable[tuple[str, float, float]], form: str = "{:,.0f}") -> str:
    """Return pairs of bars, before above after, as HTML: a label, a bar and a value each.

    Parameters
    ----------
    rows
        Label, value before, value after; not negative.
    form
        Format of the values.
    """
    given = list(rows)
    most = max([value for _, *values in given for value in values], default=0.0) or 1.0
    return "".join(
        f'<div class="pair"><div class="name">{escape(label)}</div><div class="bars">'
        + "".join(
            f'<div class="bar"><i style="--share:{value / most:.4f};background:{colour}"></i>'
            f"<b>{form.format(value)}</b></div>"
            for value, colour in ((before, BEFORE), (after, AFTER))
        )
        + "</div></div>"
        for label, before, after in given
    )


def _up(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)


def _grid_up(most: float, form: str) -> list[str]:
    shapes = []
    for value in _round_steps(most):
        y = _up(value, most)
        shapes += [
            element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke=GRID),
            _text(LEFT - 8, y + 5, form.format(value), "end"),
        ]
    return shapes


def _axis(most: float, across: Callable[[float], float], name: str) -> list[str]:
    marks = [
        _text(across(x), HEIGHT - BOTTOM + 20, f"{x:.0%}", "middle") for x in _round_steps(most)
    ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*marks, _text(middle, HEIGHT - 6, name, "middle", FAINT)]


def _round_steps(most: float) -> list[float]:
    """Return at most six round shares from 0 to the largest value, if possible of a whole %."""
    step = next(
        (
            size * scale
            for scale in (0.001, 0.01, 0.1)
            for size in (1, 2, 5)
            if most / (size * scale) <= 5.5
        ),
        1.0,
    )
    step = max(step, 0.01) if most > 0.01 else step
    return [step * i for i in range(int(most / step) + 1)]


def _text(x: float, y: float, words: str, anchor: str, colour: str = INK) -> str:
    return text(x, y, words, font_size=14, fill=colour, text_anchor=anchor)


def _svg(shapes: Sequence[str], title: str) -> str:
    frame = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria_label": title}
    return element("svg", *shapes, **frame)
