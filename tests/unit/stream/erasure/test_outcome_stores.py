"""Stores of the role outcomes that hold some leads."""

from __future__ import annotations

from pathlib import Path

from agents.outcomes.partition_join import LEAD
from stream.erasure.outcome_stores import StoredLead, find_stored
from stream.outcomes.rocks_store import RocksStore
from stream.settings import load_settings


def test_each_store_with_a_lead_is_found_by_the_place_of_the_lead(tmp_path: Path) -> None:
    folder = tmp_path / "leads.scored" / "0"
    store = RocksStore(folder)
    store.write({LEAD + "Zoë".encode(): b"state"}, ())
    store.close()
    settings = load_settings(outcome_store=str(tmp_path))
    assert find_stored(settings, ["ann", "Zoë"]) == [StoredLead(1, folder)]


def test_without_a_folder_of_stores_none_is_read() -> None:
    assert find_stored(load_settings(), ["ann"]) == []
