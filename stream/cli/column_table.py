"""The decision about each column, as a table on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from model.column_plan import ColumnPlan
from schemas.clock_times import written_clock
from schemas.display import for_terminal
from schemas.fields import FieldKind

__all__ = ["print_columns", "print_warnings"]

MARK_WIDTH, KIND_WIDTH = 2, len("category") + 1
VALUES_WIDTH = 20
"""Width of the values if a name is so long that it must be folded."""
LEAST_ROOM = 30
"""Least width for names and values; with less, the shares are omitted."""
SHOWN_WORDS = 8
WHOLE_DAY_MS = 86_400_000
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_000
"""The years 1 to 9999, which can be formatted as dates, in milliseconds since 1970."""


def print_columns(columns: Iterable[ColumnPlan], console: Console) -> None:
    """Print a line for each column: first the fields, in descending order of importance."""
    known = list(columns)
    used = [column for column in known if column.field is not None]
    used.sort(key=lambda column: -(column.importance or 0.0))
    console.print("Columns that are used", style="italic")
    console.print(_fields(used, console.width))
    unused = [column for column in known if column.field is None]
    if unused:
        console.print("\nColumns that are not used", style="italic")
        console.print(_unused(unused))
    with_words = [column for column in used if column.words]
    if with_words:
        console.print("\nWords that were read as missing", style="italic")
        console.print(_words(with_words))


def print_warnings(warnings: Iterable[str], console: Console) -> None:
    """Print each warning as a paragraph, in full."""
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for warning in warnings:
        table.add_row(Text("!", "yellow"), Text(for_terminal(warning)))
    if table.row_count:
        console.print()
        console.print(table)


def _fields(columns: list[ColumnPlan], width: int) -> Table:
    shares = _shares(columns)
    room = width - MARK_WIDTH - KIND_WIDTH - sum(len(name) + 1 for name in shares)
    if room < LEAST_ROOM:
        shares, room = {}, width - MARK_WIDTH - KIND_WIDTH
    names = max((cell_len(line) for c in columns for line in _name(c).splitlines()), default=0)
    name_width = min(max(names, len("column")), max(room // 2, room - VALUES_WIDTH) - 1)
    table = _plain_table()
    table.add_column("column", overflow="fold", width=name_width)
    table.add_column("kind", no_wrap=True, min_width=KIND_WIDTH - 1)
    table.add_column(
        "values", overflow="ellipsis", no_wrap=True, width=max(room - name_width - 2, 1)
    )
    for name in shares:
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for i, column in enumerate(columns):
        table.add_row(
            Text("!" if column.warnings else "", "yellow"),
            Text(_name(column)),
            str(column.kind),
            Text(_values(column)),
            *(cells[i] for cells in shares.values()),
        )
    return table


def _shares(columns: list[ColumnPlan]) -> dict[str, list[str]]:
    """Return the columns of shares, by their heading."""
    shares = {
        "missing": [_percent(column.missing) for column in columns],
        "misfits": [_percent(column.misfits) for column in columns],
    }
    if any(column.importance is not None for column in columns):
        shares["importance"] = [_percent(column.importance or 0.0) for column in columns]
    return shares


def _unused(columns: list[ColumnPlan]) -> Table:
    table = _plain_table()
    table.add_column("column", overflow="fold")
    table.add_column("why", overflow="fold")
    for column in columns:
        why = column.unused or ""
        if column.warnings:  # they have the details
            why = why.partition(":")[0]
        mark = Text("!" if column.warnings else "", "yellow")
        table.add_row(mark, Text(for_terminal(column.column)), Text(for_terminal(why)))
    return table


def _words(columns: list[ColumnPlan]) -> Table:
    table = _plain_table()
    table.add_column("column", overflow="fold")
    table.add_column("word (how often)", overflow="fold")
    for column in columns:
        listed = sorted(column.words.items(), key=lambda word: (-word[1], word[0]))
        shown = ", ".join(f"'{word}' ({count:,})" for word, count in listed[:SHOWN_WORDS])
        shown += ", …" if len(listed) > SHOWN_WORDS else ""
        table.add_row("", Text(for_terminal(column.column)), Text(for_terminal(shown)))
    return table


def _plain_table() -> Table:
    """Return a table without lines, its first column a mark."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True, width=1)
    return table


def _name(column: ColumnPlan) -> str:
    name = for_terminal(column.column)
    return name if column.field in (column.column, None) else f"{name}\n→ {column.field}"


def _values(column: ColumnPlan) -> str:
    if column.levels is not None:
        shown = ", ".join(map(for_terminal, column.examples))
        more = ", …" if column.levels > len(column.examples) else ""
        return f"{column.levels:,}: {shown}{more}"
    if column.low is None or column.high is None:
        return ""
    if column.kind is FieldKind.DATE:
        return f"{_date(column.low)} to {_date(column.high)}"
    if column.is_clock:
        low, high = written_clock(column.low), written_clock(column.high)
        return f"{low} to {high}, a time of day"
    if column.kind is FieldKind.TEXT:
        return f"{column.low:,.0f} to {column.high:,.0f} characters"
    return f"{_number(column.low)} to {_number(column.high)}"


def _date(ms: float) -> str:
    if not FIRST_MS <= ms <= LAST_MS:
        return f"{ms:.4g} ms"
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.strftime("%Y-%m-%d" if ms % WHOLE_DAY_MS == 0 else "%Y-%m-%d %H:%M")


def _number(value: float) -> str:
    if abs(value) >= 1e15:
        return f"{value:.4g}"
    return f"{value:,.0f}" if value.is_integer() else f"{value:,.6g}"


def _percent(share: float) -> str:
    """Return a share in percent; a share above zero is never shown as zero."""
    if share == 0:
        return "-"
    return "<0.1%" if share < 0.001 else f"{share:.1%}"
