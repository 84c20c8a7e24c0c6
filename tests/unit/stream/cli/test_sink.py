"""`leadscore sink`: the dry run, and options that become settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli.sink import sink


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


def test_a_dry_run_says_what_is_read_and_written(tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    result = CliRunner().invoke(sink, ["jsonl", "--to", str(folder), "--dry-run"])
    assert result.exit_code == 0, result.output
    first, second = result.output.splitlines()
    assert first == "-- reads leads.scored as group leadscore-sink-jsonl-scores"
    assert second.startswith(str(folder))
    assert not folder.exists()


def test_options_override_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "LEADSCORE_SINK_NAME", "old")
    options = ["--to", "/x", "--content", "leads", "--name", "crm", "--dry-run"]
    result = CliRunner().invoke(sink, ["jsonl", *options])
    assert result.output.startswith("-- reads leads.created as group leadscore-sink-crm\n")


def test_without_a_target_it_ends_with_3() -> None:
    result = CliRunner().invoke(sink, ["jsonl", "--dry-run"])
    assert result.exit_code == 3
    assert "LEADSCORE_SINK_TO" in result.output
