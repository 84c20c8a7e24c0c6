"""Leads are found in stores while the role has them open."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.outcomes.partition_join import LEAD
from agents.outcomes.stored_timers import LEAD as TIMED_LEAD
from schemas.errors import FatalError
from stream.outcomes.rocks_store import RocksStore
from stream.outcomes.stored_leads import stores_with

LEADS = [b"ann", b"bob", b"cyd"]


def test_a_store_that_is_open_is_read_beside_its_owner(tmp_path: Path) -> None:
    folders = [tmp_path / "leads.scored" / str(number) for number in range(3)]
    stores = [RocksStore(folder) for folder in folders]
    stores[0].write({LEAD + b"bob": b"state", LEAD + b"bobby": b"state"}, ())
    stores[2].write({TIMED_LEAD + b"cyd": b"timer", LEAD + b"bob": b"state"}, ())
    stores[2].write({}, [LEAD + b"bob"])
    assert [*stores_with(tmp_path, LEADS)] == [(folders[0], [b"bob"]), (folders[2], [b"cyd"])]
    stores[0].write({LEAD + b"dan": b"state"}, ())
    for store in stores:
        store.close()
    assert [*stores_with(tmp_path, [b"dan"])] == [(folders[0], [b"dan"])]


def test_a_folder_without_stores_holds_nothing(tmp_path: Path) -> None:
    assert [*stores_with(tmp_path / "none", LEADS)] == []
    (tmp_path / "leads.scored" / "0").mkdir(parents=True)
    assert [*stores_with(tmp_path, LEADS)] == []


def test_a_damaged_store_is_a_sentence_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "leads.scored" / "0"
    RocksStore(folder).close()
    (folder / "CURRENT").write_bytes(b"MANIFEST-999999\n")
    with pytest.raises(FatalError, match=r"expected to read the store .*/leads\.scored/0"):
        list(stores_with(tmp_path, LEADS))
