"""No text that a command was given acts on the terminal: arguments, names, columns, values."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from stream.__main__ import main
from stream.cli import snapshot as snapshot_command
from stream.snapshot.runner import Ended
from tests.unit.stream.snapshot.test_archive import SUMMARY

FORMULA = "=1+1"
HOSTILE = FORMULA + "\x1b[2J\x1b]0;owned\x07\r\n\u202e[bold]"
"""Clears the screen, sets the title, begins a line, turns the direction, is markup and formula."""
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e]")
"""Characters that must not be printed; line feed and tab are allowed, as LeadScore prints them."""


def run(*arguments: str | Path, **environment: Any) -> Result:
    """Run a command as on a terminal, for which click leaves sequences in."""
    return CliRunner().invoke(main, [str(given) for given in arguments], color=True, **environment)


def assert_harmless(result: Result) -> None:
    assert OBEYED.findall(result.output) == []
    assert "owned" not in result.output or r"\x07" in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception


def commands(
    command: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


def refused() -> Iterator[tuple[str, ...]]:
    """Arguments that click refuses by itself."""
    for path, command in commands():
        if path in {("worker",), ("models", "alias")}:  # the one starts, the other takes a name
            continue
        yield (*path, f"--x{HOSTILE.removeprefix(FORMULA)}")
        if isinstance(command, click.Group):
            yield (*path, HOSTILE)
            continue
        for option in command.params:
            is_typed = not isinstance(option.type, (click.types.StringParamType, click.Path))
            if isinstance(option, click.Option) and not option.is_flag and is_typed:
                yield (*path, option.opts[-1], HOSTILE)


def test_hostile_text_that_click_refuses_is_quoted_without_effect() -> None:
    for arguments in refused():
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert_harmless(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", HOSTILE, "--target", "won"),
        ("train", "leads.csv", "--target", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--positive", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--id", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--text", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--exclude", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--encoding", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--schema", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--engagement", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--name", HOSTILE),
        ("train", "leads.csv", "--target", "won", "--registry", f"s3://{HOSTILE}"),
        ("score", HOSTILE),
        ("score", "leads.csv", "--model", HOSTILE),
        ("score", "leads.csv", "--registry", HOSTILE),
        ("explain", HOSTILE, "--lead", HOSTILE),
        ("models", "show", HOSTILE),
        ("models", "verify", HOSTILE),
        ("models", "contract", HOSTILE),
        ("models", "alias", HOSTILE, "production", HOSTILE),
        ("models", "alias", "leads", "production", HOSTILE),
        ("models", "promote", HOSTILE, HOSTILE),
        ("models", "rollback", HOSTILE, "--why", HOSTILE),
        ("models", "archive", HOSTILE, HOSTILE),
        ("models", "history", HOSTILE),
        ("models", "at", HOSTILE, HOSTILE),
        ("models", "export", HOSTILE, "--mlflow", "to"),
        ("diff", HOSTILE, HOSTILE, "leads.csv"),
        ("diff", "leads/1", "leads/2", HOSTILE),
        ("replay", "start", "--from", HOSTILE),
        ("replay", "start", "--from", "1d ago", "--filter", HOSTILE),
        ("dlq", "show", HOSTILE),
        ("topics", "create", "--retention", HOSTILE),
        ("sink", "jsonl", "--name", HOSTILE),
        ("produce", HOSTILE),
        ("produce", "leads.csv", "--schema", HOSTILE),
        ("produce", "--bootstrap-servers", HOSTILE),
        ("produce", "--topic", HOSTILE),
        ("acls", "--principal", HOSTILE),
        ("snapshot", "--textfile", HOSTILE),
    ],
    ids=lambda given: " ".join(given)[:40],
)
def test_hostile_text_that_a_command_refuses_is_quoted_without_effect(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(snapshot_command, "run_snapshot", lambda *_, **__: pytest.fail("it began"))
    monkeypatch.setattr(os, "environ", dict(os.environ))  # `sink` sets the worker's settings there
    (tmp_path / HOSTILE).mkdir()  # a folder where a file is expected
    (tmp_path / "leads.csv").write_text("lead_id,won\n1,yes\n2,no\n")
    result = run(*arguments)
    assert result.exit_code in {2, 3}
    assert_harmless(result)


def test_settings_are_quoted_without_effect() -> None:
    for name in ("TOPIC_PREFIX", "GROUP_ID", "KAFKA_BOOTSTRAP_SERVERS", "ROLE", "HTTP_PORT"):
        result = run("acls", env={f"LEADSCORE_{name}": HOSTILE})
        assert result.exit_code in {2, 3}, name
        assert_harmless(result)


def test_a_registry_without_models_is_named_without_effect(tmp_path: Path) -> None:
    result = run("models", "list", "--registry", tmp_path / HOSTILE.replace("/", ""))
    assert result.exit_code == 0
    assert_harmless(result)


def write_leads(path: Path, rows: int = 300) -> Path:
    """Write leads whose columns and values are hostile, one of which the report leaves out."""
    rng = np.random.default_rng(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([HOSTILE, f"same {HOSTILE}", "size", f"won {HOSTILE}"])
        for number in range(rows):
            size = rng.normal()
            is_won = rng.random() < 1 / (1 + np.exp(-2 * size))
            value = f"{HOSTILE}{number % 3}"
            writer.writerow([value, HOSTILE, f"{size:.3f}", f"{HOSTILE}{'yn'[not is_won]}"])
    return path


def test_a_training_shows_columns_and_values_without_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = tmp_path / HOSTILE
    result = run(
        *("train", write_leads(tmp_path / "leads.csv"), "--registry", registry),
        *("--target", f"won {HOSTILE}", "--positive", f"{HOSTILE}y"),
        *("--encoding", "utf-8"),  # without it, the file is taken for a binary one
    )
    assert result.exit_code == 0, result.output
    assert "Columns that are not used" in result.output
    assert_harmless(result)
    for shown in (("list",), ("show", "leads"), ("verify", "leads")):
        result = run("models", *shown, "--registry", registry)
        assert result.exit_code == 0, result.output
        assert_harmless(result)


@pytest.mark.parametrize("is_staying", [False, True])
def test_a_snapshots_texts_are_escaped(
    is_staying: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    summary = SUMMARY.model_copy(
        update={
            "topic": HOSTILE,
            "model": f"{HOSTILE}/1",
            "drifted": (HOSTILE, f"=2 {HOSTILE}"),
            "drift_share": 0.5,
            "report": tmp_path / HOSTILE / "report.html",
        }
    )
    ends = [Ended(0, summary), Ended(1, reason=f"expected a model, got {HOSTILE}")]

    async def run_snapshot(_order: str, *, stop: Any, **_options: Any) -> Ended:
        if not is_staying or len(ends) == 1:
            stop.set()
        return ends.pop(0)

    monkeypatch.setattr(snapshot_command, "run_snapshot", run_snapshot)
    result = run("snapshot", *(["--every", "1s"] if is_staying else []))
    assert "of the fields drifted" in result.output
    assert_harmless(result)
