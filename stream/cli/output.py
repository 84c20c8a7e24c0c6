"""Output of commands: lines of JSON, consoles for tables, and the state of a search."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console

from schemas.display import for_terminal

__all__ = ["console", "discard_output", "print_json", "print_records", "search_status"]

T = TypeVar("T")


def print_json(record: Mapping[str, Any]) -> None:
    """Print a line of NDJSON."""
    click.echo(orjson.dumps(record))


def discard_output() -> None:
    """Send standard output nowhere from now on: what read it has ended, as ``head`` does.

    Without this, Python reports a broken pipe when it flushes the output at its end.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_records(
    records: Sequence[T],
    line: Callable[[T], Mapping[str, Any]],
    table: Callable[[Sequence[T]], None],
    *,
    as_json: bool,
) -> None:
    """Print records as a table, or as lines of JSON.

    Parameters
    ----------
    records
        The records.
    line
        Returns the JSON of a record.
    table
        Prints the records for people.
    as_json
        Whether to print lines of JSON.
    """
    if not as_json:
        table(records)
        return
    for record in records:
        print_json(line(record))


def console(in_a_pipe: int, *, highlight: bool = True) -> Console:
    """Return a console on standard output, as wide as the terminal.

    Parameters
    ----------
    in_a_pipe
        Columns where there is no terminal.
    highlight
        Whether numbers and the like are in colour.
    """
    in_terminal = click.get_text_stream("stdout").isatty()
    return Console(width=None if in_terminal else in_a_pipe, highlight=highlight)


@contextmanager
def search_status(verb: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show on standard error how far a search of topics is, on a terminal only.

    Parameters
    ----------
    verb
        What is done with each topic, such as ``reading``.

    Yields
    ------
    callable
        To be called with a topic, the number of its records that were read, and that of all.
    """
    stderr = Console(stderr=True)
    if not stderr.is_terminal:
        yield lambda _topic, _read, _total: None
        return
    with stderr.status("connecting …") as status:

        def show(topic: str, read: int, total: int) -> None:
            status.update(f"{verb} {for_terminal(topic)}: {read:,} of {total:,} records")

        yield show
