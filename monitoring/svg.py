"""Elements of SVG pictures, their texts and values escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

__all__ = ["element", "polyline", "text"]

Value = str | float


def element(name: str, *inside: str, **attributes: Value) -> str:
    """Return an element.

    Parameters
    ----------
    name
        Its name.
    inside
        Elements inside it.
    attributes
        Its attributes: an underscore stands for a hyphen, numbers have one decimal at most.

    Examples
    --------
    >>> element("rect", x=1, width=12.34, stroke_width=0.5)
    '<rect x="1" width="12.3" stroke-width="0.5"/>'
    >>> element("g", element("path", d="M0 0"), fill="red")
    '<g fill="red"><path d="M0 0"/></g>'
    """
    given = "".join(
        f' {key.replace("_", "-")}="{_value(value)}"' for key, value in attributes.items()
    )
    content = "".join(inside)
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def text(x: float, y: float, words: str, **attributes: Value) -> str:
    """Return a text at a place.

    Examples
    --------
    >>> text(1.0, 2.5, "a < b", text_anchor="end")
    '<text x="1" y="2.5" text-anchor="end">a &lt; b</text>'
    """
    return element("text", escape(words), x=x, y=y, **attributes)


def polyline(points: Iterable[tuple[float, float]], colour: str, width: float) -> str:
    """Return a line through points.

    Examples
    --------
    >>> polyline([(0.0, 1.0), (2.25, 3.0)], "red", 2)
    '<polyline points="0,1 2.2,3" fill="none" stroke="red" stroke-width="2"/>'
    """
    path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
    return element("polyline", points=path, fill="none", stroke=colour, stroke_width=width)


def _value(value: Value) -> str:
    return escape(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
