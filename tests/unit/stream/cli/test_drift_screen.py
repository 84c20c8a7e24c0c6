"""Content of the tables, and that they fit common terminals."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from stream.cli.drift_board import DriftBoard
from stream.cli.drift_screen import PsiBar, as_date, drift_table
from stream.drift.status import DriftStatus
from tests.unit.stream.drift.drift_made import (
    DAY,
    END,
    FIELDS,
    MINUTE,
    field,
    horizon,
    read,
    too_few,
)


def console(width: int = 80, height: int = 24, *, is_terminal: bool = True) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=is_terminal,
        color_system=None,
        legacy_windows=False,
    )


def lines(what: RenderableType, on: Console | None = None) -> list[str]:
    on = on or console()
    with on.capture() as captured:
        on.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


def table(*fields: Any, width: int = 80, shown: int | None = None) -> list[str]:
    drifted = horizon("24h", *fields).record()
    return lines(drift_table(drifted, fields=shown), console(width))


def test_the_worst_field_comes_first_and_the_score_last() -> None:
    head, *rows = table()
    assert head.split() == [
        "field",
        "PSI",
        "KL",
        "test",
        "p",
        "missing",
        "unseen",
        "state",
        "since",
    ]
    names = [row.split()[0] for row in rows]
    assert names == ["euribor3m", "job", "education", "campaign", "age", "score"]


def test_a_row_says_how_far_how_sure_and_since_when() -> None:
    rows = {row.split()[0]: row.split() for row in table()[1:]}
    assert rows["euribor3m"][-6:] == ["ks", "<.001", "0", "-", "critical", "2026-05-25"]
    assert rows["job"][-6:] == ["chi2", ".420", "0", "+31.0%", "warn", "19:30"]
    assert rows["education"][-6:] == ["ks", ".420", "+31.0%", "-", "warn", "20:25"]
    assert rows["score"][-6:] == ["ks", ".004", "-", "-", "warn", "2026-05-26"]
    assert rows["age"][1:4] == ["0.03", "▎", "0.01"]


def test_fields_that_are_left_out_are_summed_up_the_worst_state_first() -> None:
    rows = table(shown=2)
    assert [row.split()[0] for row in rows[1:-1]] == ["euribor3m", "job", "score"]
    assert rows[-1] == "and 3 more: 1 warn, 2 ok"


def test_no_field_and_all_fields_can_be_shown() -> None:
    assert [row.split()[0] for row in table(shown=0)] == ["field", "score", "and"]
    assert table(shown=50) == table(shown=None)


def bar(psi: float, width: int, encoding: str = "utf-8") -> str:
    drift = horizon("24h", field("age", psi), FIELDS[-1]).record()["fields"][0]
    on = console()
    options = on.options.update(max_width=width)
    options.encoding = encoding
    [text] = PsiBar(drift).__rich_console__(on, options)
    return str(text)


def test_a_bar_is_psi_less_its_noise_a_third_of_it_the_warning() -> None:
    lengths = [bar(psi, 6) for psi in (0.0, 0.01, 0.26, 0.385, 0.51, 0.76, 9.0)]
    assert lengths == ["", "", "██", "███", "████", "██████", "██████"]
    assert bar(0.02, 6) == "▏"
    assert bar(0.26, 24) == "████████"


def test_a_terminal_without_block_characters_gets_hashes() -> None:
    assert bar(0.51, 6, "ascii") == "####"
    assert bar(0.02, 6, "ascii") == "#"


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_it_fits_and_names_are_whole(width: int) -> None:
    rows = table(field("cons_price_index", 12.34, "critical", missing=1.0), *FIELDS, width=width)
    assert rows[1].startswith("cons_price_index")
    assert rows[1].endswith("critical -")
    assert "+90.0%" in rows[1]
    assert max(map(len, rows)) <= width


def test_a_long_name_is_cut_and_nothing_else() -> None:
    [_, row, _] = table(field("a" * 60, 0.3, "warn", since=END - DAY), FIELDS[-1])
    assert row.startswith("aaaaaaaaaa")
    assert "…" in row
    assert row.endswith("2026-05-27")


def test_names_are_no_markup() -> None:
    [_, row, _] = table(field("[red]x", 0.3, "warn"), FIELDS[-1])
    assert row.startswith("[red]x ")


def test_unknown_values_are_a_dash() -> None:
    [head, *rows] = lines(drift_table(too_few().record(), fields=None))
    assert head.startswith("field")
    assert rows[0].split() == ["age", "-", "-", "ks", "-", "-", "-", "too", "few", "-"]


def test_a_time_of_the_last_day_is_its_hour() -> None:
    assert as_date(END, END) == "20:30"
    assert as_date(END - DAY + MINUTE, END) == "20:31"
    assert as_date(END - DAY, END) == "2026-05-27"


# The whole status


def status_of(*made: Any) -> DriftStatus:
    status = DriftStatus("leads.created")
    for one in made:
        status.take(read(one))
    return status


def shown(
    *made: Any,
    on: Console | None = None,
    name: str | None = None,
    fields: int | None = None,
    now: int = END + 2 * MINUTE,
) -> list[str]:
    on = on or console()
    board = DriftBoard(status_of(*made), "leads.drift", horizon=name, fields=fields)
    return lines(board.render(on, now), on)
