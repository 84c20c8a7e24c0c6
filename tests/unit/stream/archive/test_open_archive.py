"""The archive is checked before the worker joins its group."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.archive.open_archive import verify_archive


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    verify_archive(tmp_path / "new" / "archive")
    assert list((tmp_path / "new" / "archive").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="set LEADSCORE_ARCHIVE to a folder"):
        verify_archive(tmp_path / "file" / "archive")
