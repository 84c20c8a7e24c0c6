"""Output of commands: JSON for programs, tables for people, and the state of a search."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence

import click
import pytest
from rich.console import Console

from stream.cli import output as module
from stream.cli.output import console, print_json, print_records, search_status


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_record_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"id": "r1", "leads": 3})
    assert capsys.readouterr().out == '{"id":"r1","leads":3}\n'


@pytest.mark.parametrize(
    ("as_json", "expected"), [(True, '{"n":1}\n{"n":2}\n'), (False, "table of 2\n")]
)
def test_records_are_a_table_or_lines(
    capsys: pytest.CaptureFixture[str], as_json: bool, expected: str
) -> None:
    def table(records: Sequence[int]) -> None:
        click.echo(f"table of {len(records)}")

    print_records([1, 2], lambda n: {"n": n}, table, as_json=as_json)
    assert capsys.readouterr().out == expected


def test_a_console_in_a_pipe_has_the_width_that_its_table_needs() -> None:
    assert console(160).width == 160


def test_a_console_at_a_terminal_has_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click, "get_text_stream", lambda _: FakeTerminal())
    monkeypatch.setenv("COLUMNS", "77")
    assert console(160).width == 77


def test_without_a_terminal_a_search_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with search_status("reading") as show:
        show("leads.created", 1, 2)
    assert capsys.readouterr().err == ""


def test_at_a_terminal_a_search_shows_the_topic_and_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = FakeTerminal()
    made = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(module, "Console", lambda **_: made)
    with search_status("reading") as show:
        show("leads\x1b.created", 1, 2)
        made.print("")  # shows the status
    assert "1 of 2 records" in screen.getvalue()
    assert "\x1b.created" not in screen.getvalue()


def test_discarded_output_goes_nowhere_without_an_error() -> None:
    words = "from stream.cli.output import discard_output as d; print(1, flush=True); d(); print(2)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")
