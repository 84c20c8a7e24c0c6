"""A folder that a role needs is made, or the error says which variable to set."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.process.writable_folder import make_writable


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    make_writable(tmp_path / "new" / "archive", "the archive", "LEADSCORE_ARCHIVE")
    assert list((tmp_path / "new" / "archive").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_with_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"write to the archive .*: set LEADSCORE_ARCHIVE to a"):
        make_writable(tmp_path / "file" / "archive", "the archive", "LEADSCORE_ARCHIVE")
