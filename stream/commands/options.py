"""Option types of the commands."""

from __future__ import annotations

import math

import click

__all__ = ["RATE", "SHARE", "SPEED"]


class _Number(click.ParamType):
    """A number with an optional unit after it."""

    def __init__(self, name: str, unit: str, scale: float, low: float, high: float) -> None:
        self.name = name
        self._unit = unit
        self._scale = scale
        self._low = low
        self._high = high

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number; a value out of bounds ends the command with exit code 2."""
        text = str(value).strip()
        bare = text.removesuffix(self._unit)
        try:
            number = float(bare) * (self._scale if bare != text else 1.0)
        except ValueError:
            number = math.nan
        if not self._low <= number <= self._high:
            self.fail(f"expected {self._says()}, not {text!r}", param, ctx)
        return number

    def _says(self) -> str:
        if self._high == 1.0:
            return "a share from 0 to 1, such as 0.01 or 1%"
        return f"a number above 0, such as 50 or 50{self._unit}"


ABOVE_ZERO, LARGEST = 1e-9, 1e9
SHARE = _Number("share", "%", 0.01, 0.0, 1.0)
RATE = _Number("n/s", "/s", 1.0, ABOVE_ZERO, LARGEST)
SPEED = _Number("times", "x", 1.0, ABOVE_ZERO, LARGEST)
