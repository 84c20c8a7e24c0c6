"""A folder is claimed by one writer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from model.storage import Folder


def test_claiming_is_exclusive(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            taken = pool.map(lambda _, n=number: Folder(str(tmp_path)).claim(str(n)), range(8))
            assert sum(taken) == 1
