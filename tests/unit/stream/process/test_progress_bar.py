"""A progress bar: on a terminal alone, and gone in the end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import MofNCompleteColumn

from stream.process.progress_bar import ProgressBar


def shown(*, is_terminal: bool, is_shown: bool = True) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_terminal, width=100)
    columns = MofNCompleteColumn(), "rate"
    with ProgressBar("leads", console, *columns, total=1000, is_shown=is_shown) as bar:
        bar.update(completed=500, rate="200/s")
    return out.getvalue()


def test_a_terminal_shows_the_title_the_count_and_the_fields() -> None:
    out = shown(is_terminal=True)
    assert "leads" in out
    assert "500/1000" in out
    assert "200/s" in out


@pytest.mark.parametrize(("is_terminal", "is_shown"), [(False, True), (True, False)])
def test_a_pipe_shows_nothing_and_a_terminal_neither_where_no_bar_is_wanted(
    is_terminal: bool, is_shown: bool
) -> None:
    assert shown(is_terminal=is_terminal, is_shown=is_shown).strip() == ""


def test_the_terminal_is_left_as_it_was_after_an_error() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with pytest.raises(ZeroDivisionError), ProgressBar("leads", console):
        raise ZeroDivisionError
    assert "\x1b[?25h" in out.getvalue(), "the cursor is shown again"
