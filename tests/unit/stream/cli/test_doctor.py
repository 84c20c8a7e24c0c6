"""`leadscore doctor`: a line for each finding, and an exit code for a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.cli import doctor as command
from stream.doctor.examination import Named
from stream.doctor.finding import Finding, fail, ok, warn
from stream.settings import Settings
from stream.settings.worker import ROLES


def run(monkeypatch: pytest.MonkeyPatch, *findings: Finding, as_json: bool = False) -> Result:
    async def examine(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Any]:
        for finding in findings:
            yield Named("disk", finding)

    monkeypatch.setattr(command, "examine", examine)
    return CliRunner().invoke(command.doctor, ["--json"] if as_json else [])


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([ok("fine")], 0),
        ([ok("fine"), warn("low", "free space")], 0),
        ([ok("fine"), fail("full", "free space")], 1),
    ],
)
def test_only_a_failure_ends_it_with_1(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int
) -> None:
    assert run(monkeypatch, *findings).exit_code == code


def test_a_line_has_level_check_facts_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(monkeypatch, warn("low\x1b[2J", "free space")).output.splitlines()
    assert shown[0].split() == ["warn", "disk", "low\\x1b[2J"]
    assert shown[1].strip() == "free space"
    assert shown[2] == "0 ok, 1 warn, 0 fail"


def test_on_a_terminal_long_sentences_are_wrapped_beside_their_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command, "_width", lambda: 40)
    shown = run(monkeypatch, warn("no disk " * 9, "free /some/space " * 4)).output.splitlines()
    assert len(shown) == 5
    assert all(len(line) <= 21 + 40 for line in shown)
    assert [line[:21].strip() for line in shown[:-1]] == ["warn disk", "", "", ""]


async def test_a_pipe_that_is_closed_ends_the_checks_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`leadscore doctor | head -1` printed the traceback of a generator that was left open."""
    closed: list[bool] = []

    async def examine(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Any]:
        try:
            yield Named("disk", ok("fine"))
        finally:
            closed.append(True)

    def echo(line: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(command, "examine", examine)
    monkeypatch.setattr("stream.cli.doctor.click.echo", echo)
    with pytest.raises(BrokenPipeError):
        await command._report({}, as_json=False)
    assert closed == [True]


def test_json_is_a_line_for_each_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = run(monkeypatch, ok("fine"), fail("full", "free space"), as_json=True).output
    assert [orjson.loads(line) for line in lines.splitlines()] == [
        {"check": "disk", "level": "ok", "sentence": "fine", "remedy": None},
        {"check": "disk", "level": "fail", "sentence": "full", "remedy": "free space"},
    ]


NEEDED = {
    "LEADSCORE_ARCHIVE": "archive",
    "LEADSCORE_OUTCOME_STORE": "outcomes",
    "LEADSCORE_MODEL": "leads",
}
"""Settings without which a role does not start."""


@pytest.mark.parametrize("role", ROLES)
def test_every_role_of_a_worker_can_be_checked(monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    roles = []

    async def examine(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Any]:
        roles.append(settings.role)
        yield Named("disk", ok("fine"))

    monkeypatch.setattr(command, "examine", examine)
    result = CliRunner().invoke(command.doctor, ["--role", role], env=NEEDED)
    assert result.exit_code == 0, result.output
    assert roles == [role]
