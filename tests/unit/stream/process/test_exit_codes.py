"""Exit codes of commands for errors about files."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from schemas.errors import InputError
from stream.__main__ import main
from stream.process.exit_codes import exit_codes


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--folder", "FILE/folder"),
        ("snapshot", "--output", "FILE/folder"),
        ("train", "FILE/leads.csv", "--target", "won"),
        ("score", "FILE/leads.csv"),
        ("produce", "FILE/leads.csv"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_path_through_a_file_is_a_sentence_and_no_traceback(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    given = [argument.replace("FILE", str(tmp_path / "file")) for argument in arguments]
    result = CliRunner().invoke(main, given)
    assert result.exit_code in (2, 3)
    assert isinstance(result.exception, SystemExit)
    assert "Error: " in result.stderr
    assert result.stderr.count("\n") <= 5


def test_a_password_in_a_url_is_masked() -> None:
    @click.command()
    def command() -> None:
        with exit_codes():
            raise InputError("expected a model in s3://key:hidden@bucket/models, there is none")

    result = CliRunner().invoke(command)
    assert result.exit_code == 2
    assert "s3://key:***@bucket/models" in result.stderr


def test_an_error_of_no_file_stays_what_it_is() -> None:
    with pytest.raises(ConnectionResetError), exit_codes():
        raise ConnectionResetError("by the peer")
