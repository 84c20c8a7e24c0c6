"""Schemas on disk are read again; damaged files are skipped."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from schemas.errors import StartupError
from schemas.registered import RegisteredText, header_of_id
from stream.schema_registry.disk_cache import DiskCache

TEXT = RegisteredText("AVRO", '{"type": "string"}', ["reference"])


def test_a_schema_and_an_id_are_read_again(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, "http://registry")
    cache.add(header_of_id(7), TEXT)
    cache.add_id("leads.scored-value", b"fingerpr", 12)
    again = DiskCache(tmp_path, "http://registry")
    assert [*again] == [(header_of_id(7), TEXT)]
    assert again.id_of("leads.scored-value", b"fingerpr") == 12
    assert again.id_of("leads.scored-value", b"another.") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"kind": "AVRO"}', b'"text"'])
def test_a_damaged_file_is_skipped(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path, "http://registry")
    cache.add(header_of_id(7), TEXT)
    [file] = tmp_path.rglob("*.json")
    (file.parent / f"{header_of_id(8).hex()}.json").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert [header for header, _ in cache] == [header_of_id(7)]
    assert "holds no schema of the registry" in caplog.text


def test_a_file_of_another_name_is_no_id(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, "http://registry")
    cache.add(b"\x07\x07", TEXT)
    assert [*cache] == []


def test_a_folder_that_cannot_be_made_prevents_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="LEADSCORE_SCHEMA_REGISTRY_CACHE"):
        DiskCache(tmp_path / "file" / "folder", "http://registry")


def test_a_folder_that_disappears_is_only_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = DiskCache(tmp_path / "cache", "http://registry")
    for folder in [*(tmp_path / "cache").iterdir(), tmp_path / "cache"]:
        folder.rmdir()
    with caplog.at_level(logging.WARNING):
        cache.add(header_of_id(7), TEXT)
    assert "can't store a schema" in caplog.text
