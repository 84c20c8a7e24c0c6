"""Tables of `leadscore dlq` for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from schemas.display import counted, for_terminal
from schemas.errors import ErrorCode
from stream.cli.output import console
from stream.dead_letters.account import LeftReason
from stream.dead_letters.rendering import SOURCE
from stream.dead_letters.statistics import DeadLetterStatistics
from stream.dead_letters.trial import PASSED

__all__ = [
    "print_letter",
    "print_letters",
    "print_statistics",
    "print_trial",
    "warn_out_of_reach",
]

LETTER = "dead letter"
IN_A_PIPE, LONGEST_LINE = 200, 10_000
"""Characters of a line in a pipe, and of one that is not to be cut there."""
PADDING = 2
"""Characters beside the text of a column."""
LEAST_OF_ERROR = 12
"""Characters of a sentence on a narrow terminal: less of it says nothing."""
LEAST_OF_KEY, LONGEST_KEY = 8, 32
"""Characters of a key in a list, at least and at most."""
LONGEST_VALUE = 1000
"""Characters of a header's value, or a field's, that are shown."""
VALUES = {
    SOURCE: "read from the source record, as the letter lacks it",
    LeftReason.SOURCE_GONE: "lost: only the source record had it, and that is not there any more"
    " (by the retention of its topic, or with the topic)",
    LeftReason.SOURCE_UNREADABLE: "lost: only the source record has it, and that can't be read",
}
"""Sentences on a value that the letter lacks."""
NO_VALUE = "not read: the letter lacks it, and its source is of another topic, or too large"
RIGHT = ("letters", "share", "last hour", "last day", "would pass")
"""Columns of numbers."""
FOLDED = ("source", "would fail")
"""Columns that take several lines on a narrow terminal; the others are whole."""
AGES = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def print_statistics(found: DeadLetterStatistics) -> None:
    """Print counts by error code."""
    table = _table(
        "code", "letters", "share", "last hour", "last day", "oldest", "newest", "source"
    )
    for code, counts in sorted(found.codes.items(), key=lambda item: -item[1].letters):
        partitions = ", ".join(f"{at}:{n:,}" for at, n in sorted(counts.partitions.items()))
        _add(
            table,
            code,
            f"{counts.letters:,}",
            _share(counts.letters / found.letters),
            f"{counts.last_hour:,}",
            f"{counts.last_day:,}",
            _age(found.retention.now_ms, counts.oldest),
            _age(found.retention.now_ms, counts.newest),
            partitions,
        )
    others = ((found.foreign, "of other programs"), (found.unreadable, "that can't be read"))
    records = [f"{count:,} record{'s' * (count > 1)} {what}" for count, what in others if count]
    _print(table, ", and ".join([counted(found.letters, LETTER), *records]))


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "<1%"


def warn_out_of_reach(found: DeadLetterStatistics) -> None:
    """Warn on standard error of letters whose value can't be fetched any more."""
    if found.out_of_reach:
        click.echo(
            for_terminal(
                f"warning: no value can be fetched for {counted(found.out_of_reach, LETTER)}: only"
                f" the source record had it, and that has expired ({found.retention})"
            ),
            err=True,
        )


def print_letters(
    rows: Sequence[Mapping[str, Any]], now_ms: int, *, shows_values: bool = False
) -> None:
    """Print one line a letter; on a terminal keys and sentences are cut where the line ends.

    A sentence of which there is room for a word or two is left out.
    """
    columns = {
        "place": [row["place"] for row in rows],
        "written": [_age(now_ms, row["timestamp_ms"]) for row in rows],
        "code": [row["code"] for row in rows],
        "source": [row["source"] for row in rows],
        "sink": [_or_dash(row["sink"]) for row in rows],
        "attempt": [str(row["attempt"]) for row in rows],
        "bytes": [_or_dash(row["value_bytes"]) for row in rows],
    }
    if not any(row["sink"] for row in rows):
        del columns["sink"]
    table = Table(box=None)
    width = console(LONGEST_LINE).width
    room = width - sum(_add_column(table, *column, width) for column in columns.items())
    if shows_values:
        columns["key"] = [_or_dash(row["key"]) for row in rows]
        wanted = min(LONGEST_KEY, room - LEAST_OF_ERROR - 2 * PADDING)
        room -= _add_column(table, "key", columns["key"], max(wanted, LEAST_OF_KEY))
    if room - PADDING >= LEAST_OF_ERROR:
        columns["error"] = [_or_dash(row["error"]) for row in rows]
        _add_column(table, "error", columns["error"], room - PADDING)
    for cells in zip(*columns.values(), strict=True):
        _add(table, *cells)
    _print(table, counted(len(rows), LETTER), in_a_pipe=LONGEST_LINE)


def _add_column(table: Table, name: str, cells: Sequence[str], most: int) -> int:
    """Add a column as wide as its longest cell, but not wider than ``most``.

    Returns
    -------
    int
        The characters of a line that it takes.
    """
    width = min(max(len(for_terminal(cell)) for cell in (name, *cells)), most)
    table.add_column(name, no_wrap=True, overflow="ellipsis", width=width)
    return width + PADDING


def print_trial(outcomes: Mapping[str, Counter[str]]) -> None:
    """Print how many letters of each code pass, and how the others fail."""
    table = _table("code", "letters", "would pass", "would fail")
    for code, counts in sorted(outcomes.items()):
        failed = {outcome: n for outcome, n in counts.items() if outcome != PASSED}
        listed = ", ".join(
            f"{n:,} {outcome if outcome in set(ErrorCode) else outcome.replace('_', ' ')}"
            for outcome, n in sorted(failed.items())
        )
        _add(table, code, f"{counts.total():,}", f"{counts[PASSED]:,}", listed)
    passed = sum(counts[PASSED] for counts in outcomes.values())
    total = sum(counts.total() for counts in outcomes.values())
    _print(table, f"{passed:,} of {counted(total, LETTER)} would be scored now")


def print_letter(shown: Mapping[str, Any], *, shows_values: bool) -> None:
    """Print everything that is known of a letter."""
    for name in (
        *("place", "time", "code", "error", "attempt", "sink", "topic", "source", "source_time"),
        *("key", "value_bytes", "left_out", "wire_format", "schema"),
    ):
        if name == "sink" and shown[name] is None:
            continue
        _line(name.replace("_", " "), _or_dash(shown[name]))
    if shown["left_out"]:
        _line("value", VALUES.get(shown["value_from"], NO_VALUE))
    for header in shown["headers"]:
        is_kept = header["is_sent_again"] or shown["sink"] is not None
        note = "" if is_kept else "  (not sent again)"
        _line("header", f"{_cut(header['name'])} = {_cut(_or_dash(header['value']))}{note}")
    for found in shown["fields"]:
        span = f"bytes {found['start']} to {found['start'] + found['bytes'] - 1}"
        _line(
            "field", f"{found['name']} ({found['type']}, {span}) = {_cut(_or_null(found['value']))}"
        )
    if shown["broken_at"] is not None:
        why = shown["reason"] or "the field of the error begins here"
        _line("broke at", f"byte {shown['broken_at']}: {why}")
        if not shows_values:
            _line("bytes", "masked: --values shows those around it")
    for line in shown["bytes"] or ():
        click.echo(f"  {line}")


def _line(name: str, text: str) -> None:
    click.echo(f"{name:<12} {for_terminal(text)}")


def _cut(text: str) -> str:
    """Return as much of a text as a terminal should show of a header or a field."""
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}… ({len(text):,} characters; --json has all)"


def _or_dash(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _or_null(value: Any) -> str:
    return "null" if value is None else str(value)


def _age(now_ms: int, at: int | None) -> str:
    if at is None:
        return "-"
    age = max(0, now_ms - at)
    for unit, name in AGES:
        if age >= unit:
            return f"{age // unit} {name} ago"
    return "now"


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for name in columns:
        justify: JustifyMethod = "right" if name in RIGHT else "left"
        table.add_column(name, justify=justify, no_wrap=name not in FOLDED)
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(Text(for_terminal(cell)) for cell in cells))


def _print(table: Table, summary: str, in_a_pipe: int | None = None) -> None:
    if table.row_count:
        console(in_a_pipe or IN_A_PIPE).print(table)
    click.echo(summary)
