"""`leadscore demo` says what it needs."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from stream.cli.demo import demo


def test_without_the_contacts_it_says_where_they_are_expected(tmp_path: Path) -> None:
    absent = tmp_path / "absent.csv"
    result = CliRunner().invoke(demo, ["--contacts", str(absent)])
    assert result.exit_code == 2
    assert f"expected the bank's contacts at {absent}, but the file does not exist" in result.stderr
