"""Scored events are read in both formats; other bytes are refused."""

from __future__ import annotations

import orjson
import pytest

from schemas.record_codec import RecordCodec
from schemas.scored_event_reader import ScoredEventReader
from testing.scored_events import scored


def test_an_event_in_avro_and_in_json_is_the_same() -> None:
    event = scored("lead-1", offset=3)
    read = ScoredEventReader().read
    assert read(RecordCodec("lead_scored").encode(event)) == event == read(orjson.dumps(event))


@pytest.mark.parametrize("value", [None, b"", b"[1]", b"{", b"\xc3\x01 too short"])
def test_other_bytes_are_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError):
        ScoredEventReader().read(value)
