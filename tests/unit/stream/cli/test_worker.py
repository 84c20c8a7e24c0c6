"""`leadscore worker`: its options override the environment."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from stream import app
from stream.cli.worker import worker


@pytest.fixture
def ran_with(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, str | None]]:
    """Role and port in the environment whenever a worker runs."""
    monkeypatch.setenv("LEADSCORE_ROLE", "all")
    monkeypatch.setenv("LEADSCORE_HTTP_PORT", "8000")
    runs: list[tuple[str | None, str | None]] = []

    def run() -> None:
        runs.append((os.environ.get("LEADSCORE_ROLE"), os.environ.get("LEADSCORE_HTTP_PORT")))

    monkeypatch.setattr(app, "run", run)
    return runs


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ("all", "8000")),
        (["--role", "drift"], ("drift", "8000")),
        (["--http-port", "0", "--role", "score"], ("score", "0")),
    ],
)
def test_options_override_the_environment(
    ran_with: list[tuple[str | None, str | None]],
    arguments: list[str],
    expected: tuple[str, str],
) -> None:
    assert CliRunner().invoke(worker, arguments).exit_code == 0
    assert ran_with == [expected]


@pytest.mark.parametrize(
    "arguments", [["--role", "paint"], ["--role", "sink"], ["--http-port", "65536"]]
)
def test_an_unusable_option_runs_nothing(
    ran_with: list[tuple[str | None, str | None]], arguments: list[str]
) -> None:
    assert CliRunner().invoke(worker, arguments).exit_code == 2
    assert ran_with == []
