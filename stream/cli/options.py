"""Option types of the commands."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

__all__ = [
    "DURATION",
    "FOLDER_OR_URL",
    "MEMORY",
    "MOMENT",
    "PAST",
    "RATE",
    "SHARE",
    "SPEED",
    "Option",
    "add_options",
    "encoding_option",
    "reading_options",
]

Option = Callable[[Callable[..., None]], Callable[..., None]]
"""Adds an option to a command."""


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
        """Parse the number; an invalid value ends the command with exit code 2."""
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


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES = {"MiB": 2**20, "GiB": 2**30}


class _Duration(click.ParamType):
    """A duration, as a timedelta."""

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Parse the duration; an invalid value ends the command with exit code 2."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhd])", value.strip())
        if not found or not float(found[1]):
            self.fail(f"expected a span of time such as 30m, 1h or 7d, not {value!r}", param, ctx)
        return timedelta(seconds=float(found[1]) * SECONDS[found[2]])


class _Moment(click.ParamType):
    """A point in time, as a datetime with its offset from UTC."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the time; an invalid value ends the command with exit code 2."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value.strip())
        except ValueError:
            self.fail(f"expected a time such as 2026-05-31T09:30 (UTC), not {value!r}", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _Past(click.ParamType):
    """A point in time, or how long ago it was, as a datetime with its offset from UTC."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse the time; an invalid value ends the command with exit code 2."""
        if isinstance(value, str) and re.fullmatch(r"[\d.]+[smhd]", value.strip()):
            return datetime.now(UTC) - DURATION.convert(value, param, ctx)
        try:
            return MOMENT.convert(value, param, ctx)
        except click.BadParameter:
            self.fail(
                "expected a time such as 2026-05-31T09:30 (UTC), or how long ago it was, such as"
                f" 6h, not {value!r}",
                param,
                ctx,
            )


class _Memory(click.ParamType):
    """An amount of memory, as an int in bytes."""

    name = "size"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Parse the amount; an invalid value ends the command with exit code 2."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([MG]iB)", value.strip())
        if not found or not float(found[1]):
            self.fail(f"expected memory such as 512MiB or 2GiB, not {value!r}", param, ctx)
        return round(float(found[1]) * BYTES[found[2]])


class _FolderOrUrl(click.Path):
    """A folder that exists, or the URL of one in an object store."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check a folder; a URL is checked when it is read."""
        return value if "://" in str(value) else super().convert(value, param, ctx)


DURATION, MOMENT, PAST, MEMORY = _Duration(), _Moment(), _Past(), _Memory()
FOLDER_OR_URL = _FolderOrUrl(file_okay=False, exists=True)

encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    help="FILE's encoding, such as cp1252. Default: UTF-8 or UTF-16, else detected.",
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how FILE writes numbers and dates, and what means missing."""
    options = (
        click.option(
            "--decimal",
            type=click.Choice([".", ","]),
            help="FILE's decimal separator. Default: found by the values.",
        ),
        click.option(
            "--dates",
            type=click.Choice(["day", "month"]),
            help="Which part comes first in dates such as 3/4/2024. Default: found by the values.",
        ),
        click.option(
            "--missing",
            multiple=True,
            metavar="WORD",
            help="A word that means missing in FILE, besides the usual ones; may be repeated.",
        ),
    )
    return add_options(command, options)


def add_options(command: Callable[..., None], options: Sequence[Option]) -> Callable[..., None]:
    """Add options to a command, in the order in which its help lists them."""
    for option in reversed(options):
        command = option(command)
    return command
