"""Decoded leads beside the partitions, offsets and time stamps of their records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson

from agents.read_batch import ReadBatch
from schemas.decode import LeadDecoder
from schemas.headers import LeadHeaders
from schemas.store import SchemaStore


@dataclass(frozen=True)
class Record:
    partition: int
    offset: int
    value: bytes
    timestamp: int = 7
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def lead(lead_id: str) -> bytes:
    return orjson.dumps({"lead_id": lead_id, "created_at": 1_700_000_000_000})


def read(records: list[Record], headers: list[LeadHeaders] | None = None) -> ReadBatch:
    leads = LeadDecoder(SchemaStore(), {}).decode([record.value for record in records])
    return ReadBatch.from_leads(records, leads, headers or [])


def test_a_lead_keeps_the_place_and_the_time_of_its_own_record() -> None:
    """The records between the leads can't be decoded, so that rows and positions differ."""
    found = read(
        [
            Record(4, 100, b"?"),
            Record(4, 101, lead("a"), timestamp=11),
            Record(9, 7, b"?"),
            Record(9, 8, lead("b"), timestamp=12),
        ]
    )
    assert found.leads.lead_ids == [b"a", b"b"]
    assert found.partitions == [4, 9]
    assert found.offsets.tolist() == [101, 8]
    assert found.timestamps.tolist() == [11, 12]
    assert len(found.records) == 4, "those that can't be decoded stay, for their dead letters"


def test_headers_are_those_of_the_records_and_not_of_the_leads() -> None:
    given = [LeadHeaders(), LeadHeaders(attempts=3)]
    found = read([Record(0, 0, lead("a")), Record(0, 1, b"?")], given)
    assert found.headers[1].attempts == 3


def test_leads_are_found_by_the_batches_that_they_came_with() -> None:
    values = [b"?", lead("a"), b"?", lead("b"), lead("c"), b"?"]
    found = read([Record(2, 100 + i, value) for i, value in enumerate(values)])
    rows = found.rows([1, 1, 0, 3, 1])
    assert [found.offsets[part].tolist() for part in rows] == [[], [101], [], [103, 104], []]


def test_a_batch_without_a_lead_has_empty_columns_of_whole_numbers() -> None:
    found = read([Record(0, 0, b"?")])
    assert (found.offsets.shape, found.offsets.dtype) == ((0,), np.int64)
    assert (found.timestamps.shape, found.timestamps.dtype) == ((0,), np.int64)
    assert found.rows([1]) == [slice(0, 0)]
