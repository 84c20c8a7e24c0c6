"""Conditions on letters."""

from __future__ import annotations

from typing import Any

import pytest

from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.selection import Selection, hashed
from stream.fetch.raw_records import RawRecord
from testing.dead_letters import dead_letter


def letter(key: bytes | None = b"ann") -> DeadLetter:
    made = dead_letter(b"x", key, partition=1, offset=5)
    found = DeadLetter.from_record(RawRecord(1, 9, 1000, made.key, made.value, made.headers))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ({}, True),
        ({"codes": {"WIRE_FORMAT", "TYPE"}}, True),
        ({"codes": {"TYPE"}}, False),
        ({"since_ms": 1000, "until_ms": 1001}, True),
        ({"since_ms": 1001}, False),
        ({"until_ms": 1000}, False),
        ({"keys": hashed(["ann"])}, True),
        ({"keys": hashed(["bob"])}, False),
        ({"sources": {(1, None)}}, True),
        ({"sources": {(1, 5)}}, True),
        ({"sources": {(1, 9), (9, 5)}}, False),
        ({"codes": {"WIRE_FORMAT"}, "until_ms": 1000}, False),
    ],
)
def test_all_conditions_must_hold(conditions: dict[str, Any], matches: bool) -> None:
    assert Selection(**conditions).matches(letter()) is matches


def test_a_letter_without_a_key_has_no_lead_id() -> None:
    assert not Selection(keys=hashed(["ann"])).matches(letter(key=None))


def test_a_stored_selection_names_no_lead() -> None:
    stored = Selection(keys=hashed(["ann"]), sources=frozenset({(1, None)})).model_dump_json()
    assert "ann" not in stored
    assert Selection.model_validate_json(stored).matches(letter())
