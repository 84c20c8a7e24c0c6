"""The table of columns on terminals of any width: nothing is cut that tells columns apart."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from model.column_plan import ColumnPlan
from schemas.fields import FieldKind
from stream.cli.column_table import print_columns

LONG = "how_many_pages_of_the_site_they_have_seen_before"
CHINESE = "来源渠道名称很长的列名"
COLUMNS = (
    ColumnPlan(
        column=LONG, field=LONG, kind=FieldKind.NUMBER, low=3, high=17, importance=0.5, missing=0.1
    ),
    ColumnPlan(column=CHINESE, field="u6765", kind=FieldKind.TEXT, low=1, high=200),
    ColumnPlan(
        column="source", field="source", kind=FieldKind.CATEGORY, levels=2, examples=("web", "fair")
    ),
    ColumnPlan(
        column="calls", field="calls", kind=FieldKind.NUMBER, low=0, high=5e7, is_clock=True
    ),
    ColumnPlan(column="id", unused="the same value in every row"),
)


def lines(width: int, columns: tuple[ColumnPlan, ...] = COLUMNS) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    print_columns(columns, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_every_name_is_shown_in_full_beside_its_kind_and_some_of_its_values(width: int) -> None:
    shown = lines(width)
    assert max(map(cell_len, shown)) <= width
    heading = next(line for line in shown if "values" in line)
    names = "".join(line[2 : heading.index("kind")] for line in shown if "→" not in line)
    assert LONG in "".join(names.split())
    [first] = [line for line in shown if line.strip().startswith(LONG[:8])]
    assert first.split()[1:4] in (["number", "3", "to"], ["number", "3", "t…"])
    assert any(CHINESE[:4] in line and " text " in line for line in shown)
    assert any(" category " in line and " 2: web" in line for line in shown)
    assert any("00:00 to" in line for line in shown)


@pytest.mark.parametrize(("width", "has_shares"), [(40, False), (80, True), (200, True)])
def test_shares_are_shown_in_full_or_left_out(width: int, has_shares: bool) -> None:
    heading = next(line for line in lines(width) if "values" in line)
    assert ("missing misfits importance" in heading) is has_shares
    first = next(line for line in lines(width) if LONG[:8] in line)
    assert ("10.0%" in first and "50.0%" in first) is has_shares


def test_short_names_leave_the_values_their_room() -> None:
    assert any("00:00 to 13:53:20, a time of day" in line for line in lines(80, COLUMNS[2:]))
