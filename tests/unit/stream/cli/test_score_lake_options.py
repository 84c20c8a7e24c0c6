"""Options of `leadscore score` that go together, and those that do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli.score import score


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv", "--workers", "2"], "--workers needs --out"),
        (["a.csv", "--shard", "1/2"], "--shard needs --out"),
        (["a.csv", "--rows-per-file", "9"], "--rows-per-file needs --out"),
        (["a.csv", "--json"], "--json needs --out"),
        (["a.parquet", "b.parquet"], "several files, and Parquet files, need --out"),
        (["a.parquet", "--format", "parquet"], "need --out"),
        (["a", "--out", "b", "--encoding", "cp1252"], "--encoding does not go with --out"),
        (["a", "--out", "b", "--format", "table"], "--format table does not go with --out"),
        (["a", "--out", "b", "--shard", "3/2"], "expected a shard as I/N"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(score, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_folder_without_out_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(score, [str(tmp_path)])
    assert result.exit_code == 2


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "stream.cli.score_lake", raising=False)
    monkeypatch.setitem(sys.modules, "lake.manifest", None)
    result = CliRunner().invoke(score, [str(tmp_path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "pip install 'leadscore[lake]'" in result.stderr
