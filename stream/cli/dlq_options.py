"""Options that several `leadscore dlq` commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click

from schemas.errors import ErrorCode, InputError
from stream.cli.options import PAST, add_options
from stream.dead_letters.letter import Place
from stream.dead_letters.selection import Selection, SourcePlace, hashed

__all__ = [
    "PLACE",
    "json_option",
    "selected",
    "selection_options",
    "sinks_option",
    "values_option",
]

NUMBER = r"\d{1,10}"
OFFSET = r"\d{1,19}"


class _Place(click.ParamType):
    """A partition and an offset, as a Place."""

    name = "place"

    def convert(
        self, value: str | Place, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        """Parse the place; an invalid value ends the command with exit code 2."""
        if isinstance(value, Place):
            return value
        found = re.fullmatch(f"({NUMBER})/({OFFSET})", value.strip())
        if not found:
            self.fail(
                f"expected a partition and an offset such as 2/4711, not {value!r}", param, ctx
            )
        return Place(int(found[1]), int(found[2]))


class _Source(click.ParamType):
    """A source partition, or a place in it."""

    name = "place"

    def convert(
        self, value: str | SourcePlace, param: click.Parameter | None, ctx: click.Context | None
    ) -> SourcePlace:
        """Parse the place; an invalid value ends the command with exit code 2."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(f"({NUMBER})(?:/({OFFSET}))?", value.strip())
        if not found:
            self.fail(
                f"expected a partition such as 2, or a place such as 2/4711, not {value!r}",
                param,
                ctx,
            )
        return int(found[1]), None if found[2] is None else int(found[2])


PLACE = _Place()

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print NDJSON: a line for each record."
)
values_option = click.option(
    "--values", "shows_values", is_flag=True, help="Show keys and values: they are personal data."
)

sinks_option = click.option(
    "--sinks", "of_sinks", is_flag=True, help="Letters of sinks, in LEADSCORE_LEADS_SINKS_DLQ."
)

OPTIONS = (
    click.option(
        "--code",
        "codes",
        type=click.Choice([*map(str, ErrorCode)], case_sensitive=False),
        multiple=True,
        metavar="CODE",
        help="Only letters with this error code (docs/errors.md); may be repeated.",
    ),
    click.option(
        "--since", type=PAST, help="Only letters since this time, or this long ago: 6h, 7d."
    ),
    click.option("--until", type=PAST, help="Only letters before this time."),
    click.option(
        "--id",
        "ids",
        multiple=True,
        metavar="LEAD_ID",
        help="Only letters whose key is this lead's id; may be repeated.",
    ),
    click.option(
        "--source",
        "sources",
        type=_Source(),
        multiple=True,
        metavar="PARTITION[/OFFSET]",
        help="Only letters whose source record is there; may be repeated.",
    ),
)


def selection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select letters to a command."""
    return add_options(command, OPTIONS)


def selected(options: Mapping[str, Any]) -> Selection:
    """Return the selection that the options describe.

    Raises
    ------
    InputError
        Its range of time is empty.
    """
    since, until = options["since"], options["until"]
    if since is not None and until is not None and since >= until:
        raise InputError(
            f"expected --since to be before --until, but {since:%Y-%m-%dT%H:%M:%SZ} is not before"
            f" {until:%Y-%m-%dT%H:%M:%SZ}: exchange them (7d is before 6h)"
        )
    return Selection(
        codes=frozenset(code.upper() for code in options["codes"]),
        since_ms=_ms(since),
        until_ms=_ms(until),
        keys=hashed(options["ids"]),
        sources=frozenset(options["sources"]),
    )


def _ms(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
