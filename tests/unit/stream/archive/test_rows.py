"""Rows of the archive: every byte comes back as it was, whatever a record holds."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dead_letters import VALUE_BYTES
from schemas.errors import StartupError
from schemas.left_out import LeftOutValue
from stream.archive.rows import load_pyarrow, schema_of, to_records, to_table
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord

PYARROW = load_pyarrow()
BYTES = st.one_of(st.none(), st.binary(max_size=40))
RECORDS = st.builds(
    RawRecord,
    st.just(3),
    st.integers(0, 2**62),
    st.integers(-1, 2**60),
    BYTES,
    BYTES,
    st.lists(st.tuples(st.text(max_size=8), BYTES), max_size=4),
    timestamp_type=st.integers(0, 1),
)


@given(st.lists(RECORDS, max_size=8))
def test_records_come_back_as_they_were(records: list[RawRecord]) -> None:
    table = to_table(PYARROW, "leads", 3, records)
    assert table.schema.equals(schema_of(PYARROW))
    assert to_records(table) == records


def test_a_value_that_was_left_out_keeps_its_size() -> None:
    record = RawRecord(0, 1, 2, b"k", LeftOutValue(300_000_000), [])
    [found] = to_records(to_table(PYARROW, "leads", 0, [record]))
    assert isinstance(found.value, LeftOutValue)
    assert len(found.value) == 300_000_000


def test_a_record_that_could_not_be_read_keeps_its_verdict() -> None:
    record = UnreadableRecord(
        *(0, 1, 2, b"k", None, [("a", b"1")], Problem.TOO_LARGE, "expected less"), value_bytes=9
    )
    archived: Any = UnreadableRecord(
        *(0, 1, 2, b"k", None, [*record.headers, (VALUE_BYTES, b"9")]),
        *(Problem.TOO_LARGE, "expected less"),
        value_bytes=9,
    )
    [found] = to_records(to_table(PYARROW, "leads", 0, [archived]))
    assert found == record


def test_without_pyarrow_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StartupError, match=r"install leadscore\[archive\]"):
        load_pyarrow()
