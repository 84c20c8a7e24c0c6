"""`leadscore dlq` without Kafka: its commands, and which options end them with 2."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli.dlq import dlq


def run(*arguments: str) -> Any:
    return CliRunner().invoke(dlq, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("list", "--code", "ODD"), "--code"),
        (("list", "--since", "soon"), "or how long ago"),
        (("list", "--source", "a/1"), "such as 2/4711"),
        (("show", "17"), "such as 2/4711"),
        (("redrive", "--resume", "r1", "--dry-run"), "give it alone"),
        (("redrive", "--resume", "r1", "--code", "TYPE"), "give it alone"),
        (("redrive", "--max-attempts", "0"), "--max-attempts"),
    ],
)
def test_options_that_are_unusable_end_it_with_2(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.output


@pytest.mark.parametrize("command", ["stats", "list", "show", "try", "redrive", "purge"])
def test_every_command_has_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"leadscore dlq {command}" in result.output
    assert "Exit codes" in result.output
