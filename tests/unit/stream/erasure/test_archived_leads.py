"""Files of the archive that hold leads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stream.erasure.archived_leads import ArchivedLead, find_archived
from stream.fetch.raw_records import RawRecord
from testing.archives import archive_file, record_at

KEYS = {b"ann": 0, b"bob": 1}


async def test_each_file_with_records_of_a_lead_is_found(tmp_path: Path) -> None:
    def records(keys: dict[int, bytes | None], partition: int = 0) -> list[RawRecord]:
        return [replace(record_at(offset, partition), key=key) for offset, key in keys.items()]

    archive_file(tmp_path, "leads", 0, records({3: b"ann", 4: b"eve", 5: b"ann"}))
    archive_file(tmp_path, "leads", 0, records({20: None, 21: b"eve"}))
    archive_file(tmp_path, "leads", 2, records({0: b"bob", 1: b"ann"}, 2))
    seen: list[tuple[int, int]] = []
    found = await find_archived(
        tmp_path, "leads", KEYS, lambda read, total: seen.append((read, total))
    )
    assert [(held.lead, held.file.parent.name, held.records) for held in found] == [
        (0, "0", 2),
        (0, "2", 1),
        (1, "2", 1),
    ]
    assert seen[-1][0] == seen[-1][1]
    assert all(held.file.is_file() for held in found)


@pytest.mark.parametrize("folder", ["", "none", "empty"])
async def test_a_folder_without_files_holds_nothing(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty" / "leads" / "0").mkdir(parents=True)
    found: list[ArchivedLead] = await find_archived(tmp_path / folder, "leads", KEYS)
    assert found == []
