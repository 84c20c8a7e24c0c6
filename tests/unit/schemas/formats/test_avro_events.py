"""Scored events in Avro: the same bytes with and without a compiler, and shared bytes once."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from schemas.formats import avro_events
from schemas.formats.avro_events import AvroEventWriter
from schemas.scored_event import scored_event
from tests.unit.schemas.formats.test_event_format import MODEL, scored_rows

HEADER = b"HD"


def writer() -> AvroEventWriter:
    return AvroEventWriter(HEADER, scored_event(), MODEL)


def test_every_event_begins_with_the_header() -> None:
    written = writer().write(scored_rows(5))
    assert len(written) == 5
    assert all(event.startswith(HEADER) for event in written)
    assert len({*written}) == 5


def test_no_events_are_no_bytes() -> None:
    assert writer().write(scored_rows(0)) == []


@pytest.mark.skipif(find_spec("schemas._compiled") is None, reason="there was no compiler")
def test_plain_python_writes_the_bytes_of_the_compiled_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = writer().write(scored_rows(9))
    monkeypatch.setattr(avro_events, "_compiled", None)
    assert writer().write(scored_rows(9)) == compiled


def test_a_batch_does_not_change_the_writer() -> None:
    shared = writer()
    first = shared.write(scored_rows(3))
    shared.write(replace(scored_rows(3), scored_at=1_770_000_000_000))
    assert shared.write(scored_rows(3)) == first


def test_a_column_of_another_length_is_refused_and_not_repeated() -> None:
    rows = replace(scored_rows(4), created_at=np.array([1], np.int64))
    with pytest.raises(ValueError, match="4 events, but 1 values in a column"):
        writer().write(rows)


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (-1, "01"), (64, "8001"), (-(2**63), "ff" * 9 + "01")]
)
def test_integers_are_zigzag_varints(value: int, encoded: str) -> None:
    assert avro_events._long(value).hex() == encoded
