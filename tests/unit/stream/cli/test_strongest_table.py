"""The table of what single columns predict alone."""

from __future__ import annotations

import io

from rich.console import Console

from model.training.inspection import Alone, Inspection, Leak
from stream.cli.strongest_table import print_strongest

INSPECTION = Inspection(
    (Leak("call_duration", 0.991, "it predicts too well"),),
    (Alone("call_duration", 0.991, "duration"), Alone("size\x1b[31m", 0.7, None)),
)


def printed() -> str:
    console = Console(width=100, file=io.StringIO())
    print_strongest(INSPECTION, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_possible_leaks_are_marked_and_the_hint_is_a_question() -> None:
    [leak] = [line for line in printed().splitlines() if "call_duration" in line]
    assert leak.startswith("!")
    assert "0.991" in leak
    assert "is 'duration' in its name known when a lead is scored?" in leak


def test_other_columns_have_no_mark() -> None:
    [other] = [line for line in printed().splitlines() if "0.700" in line]
    assert not other.startswith("!")
    assert "known" not in other


def test_a_column_name_cannot_control_the_terminal() -> None:
    assert "\x1b" not in printed()
