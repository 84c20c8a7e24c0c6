"""`leadscore --help` is a tour: each command is there, tells of itself, and reads well."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from stream.__main__ import COMMANDS, main


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


def command_of(path: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


def help_of(*path: str) -> str:
    result = CliRunner().invoke(main, [*path, "--help"], terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_shows_what_the_project_promises() -> None:
    promised = ["worker", "train", "produce", "topics", "models", "score", "explain", "demo"]
    assert set(promised) <= set(COMMANDS)
    shown = help_of()
    for name, (_, sentence) in COMMANDS.items():
        [line] = re.findall(rf"^  {name} +(.*)$", shown, re.MULTILINE)
        assert sentence.startswith(line.strip().rstrip("."))


def test_the_tour_names_commands_that_there_are() -> None:
    shown = re.findall(r"^\s+leadscore (\w+)", help_of(), re.MULTILINE)
    assert len(shown) == len(COMMANDS)
    assert set(shown) == set(COMMANDS)


def test_it_comes_at_once() -> None:
    """No command is imported for it, nor what they need."""
    look = (
        "import sys\n"
        "from stream.__main__ import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    modules = shown.stderr.split()
    assert "stream.__main__" in modules
    assert not {"stream.cli", "numpy", "faust", "aiokafka", "rich"} & set(modules)


@pytest.mark.parametrize("path", [(), *commands(main)], ids=" ".join)
def test_each_help_reads_well(path: tuple[str, ...]) -> None:
    shown = help_of(*path)
    assert "\b" not in shown
    assert "\\b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    if path:
        assert shown.splitlines()[0].startswith("Usage: ")
        sentence = shown.split("\n\n")[1].strip()
        assert sentence[0].isupper()
        assert sentence.rstrip().endswith((".", ":"))


@pytest.mark.parametrize("path", [*commands(main)], ids=" ".join)
def test_each_option_says_what_it_does(path: tuple[str, ...]) -> None:
    group: click.Command = main
    for name in path:
        assert isinstance(group, click.Group)
        command = group.get_command(click.Context(group), name)
        assert command is not None
        group = command
    for option in group.params:
        if isinstance(option, click.Option):
            assert option.help, option.name


def test_no_such_command_is_exit_code_2() -> None:
    result = CliRunner().invoke(main, ["scor"])
    assert result.exit_code == 2
    assert "No such command 'scor'" in result.output


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert re.search(r"\d+\.\d+\.\d+", result.output)


LEAVES = [path for path in commands(main) if not isinstance(command_of(path), click.Group)]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_warns_of_unknown_settings(
    path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LEADSCORE_DELIVRY=exactly_once was at least once, and nobody knew."""
    monkeypatch.setenv("LEADSCORE_DELIVRY", "exactly_once")
    warned = CliRunner().invoke(main, [*path, "--help"]).stderr
    if path in (("worker",), ("doctor",)):  # they report it themselves
        assert warned == ""
    else:
        assert "warning: LEADSCORE_DELIVRY is not a setting" in warned
        assert "the most similar one is LEADSCORE_DELIVERY" in warned


GROUPS = [(), *(path for path in commands(main) if isinstance(command_of(path), click.Group))]


@pytest.mark.parametrize("path", GROUPS, ids=" ".join)
def test_no_sentence_of_a_list_of_commands_is_cut(path: Any) -> None:
    listed = help_of(*path).partition("Commands:")[2]
    assert listed
    assert "..." not in listed
