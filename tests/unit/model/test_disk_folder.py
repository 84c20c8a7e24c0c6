"""Folders on a disk: files appear whole, and nothing stays behind where a write fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model.disk_folder import DiskFolder
from model.metadata import UnavailableError


def test_a_file_is_written_under_another_name_and_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = []
    replace = os.replace

    def noted(part: str, path: str) -> None:
        renamed.append((Path(part).read_bytes(), Path(path).exists()))
        replace(part, path)

    monkeypatch.setattr(os, "replace", noted)
    DiskFolder(str(tmp_path)).write("model", b"whole")
    assert renamed == [(b"whole", False)]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_write_that_fails_leaves_the_file_before_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = DiskFolder(str(tmp_path))
    folder.write("model", b"before")

    def full(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnavailableError, match=r"model can't be read or written .*No space left"):
        folder.write("model", b"after")
    assert folder.read("model") == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_url_and_its_path_are_one_folder(tmp_path: Path) -> None:
    DiskFolder(f"file://{tmp_path}").write("model", b"a")
    assert DiskFolder(str(tmp_path)).read("model") == b"a"
