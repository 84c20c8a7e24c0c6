"""Segments of leads: found in records, carried by headers, read again."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agents.lead_segments import MISSING, LeadSegments, SegmentField, range_labels, segments_of
from schemas.decode import LeadDecoder
from schemas.store import SchemaStore

FIELDS = [SegmentField.of_text(text) for text in ("country", "age:30:45.5")]


def value(**fields: Any) -> bytes:
    return orjson.dumps({"lead_id": "a", "created_at": 1_700_000_000_000, **fields})


@pytest.fixture
def segments() -> LeadSegments:
    store = SchemaStore.load()
    return LeadSegments(FIELDS, lambda kinds: LeadDecoder(store, kinds, keeps_bytes=True))


def test_a_text_is_a_segment_and_a_number_is_in_a_range(segments: LeadSegments) -> None:
    given = [value(country=" NL ", age=29.9), value(country="DE", age=30), value(country=7, age=99)]
    assert [segments_of(headers) for headers in segments.headers_of(given)] == [
        (("country", "NL"), ("age", "under 30")),
        (("country", "DE"), ("age", "30 to 45.5")),
        (("country", "7"), ("age", "45.5 and over")),
    ]


def test_a_lead_without_a_value_or_with_an_unreadable_one_is_missing(
    segments: LeadSegments,
) -> None:
    given = [value(), value(country="", age=None), value(age="old"), b"{", value(country="NL")]
    *missing, last = [segments_of(headers) for headers in segments.headers_of(given)]
    assert missing == [(("country", MISSING), ("age", MISSING))] * 4
    assert last == (("country", "NL"), ("age", MISSING))


def test_a_value_that_cannot_be_read_leaves_the_segments_of_other_fields(
    segments: LeadSegments,
) -> None:
    given = [value(country="NL", age="old"), value(country="DE", age=30), value(age="x"), None]
    assert [segments_of(headers) for headers in segments.headers_of(given)] == [
        (("country", "NL"), ("age", MISSING)),
        (("country", "DE"), ("age", "30 to 45.5")),
        (("country", MISSING), ("age", MISSING)),
        (("country", MISSING), ("age", MISSING)),
    ]


def test_long_values_are_cut(segments: LeadSegments) -> None:
    [headers] = segments.headers_of([value(country="é" * 500)])
    assert segments_of(headers)[0] == ("country", "é" * 60)


def test_headers_of_others_are_no_segments_and_fields_have_a_limit() -> None:
    assert segments_of([("ce_type", b"x"), ("leadscore.canary", None)]) == ()
    many = [(f"leadscore.segment.f{n}", b"\xff") for n in range(9)]
    assert segments_of(many) == tuple((f"f{n}", "\ufffd") for n in range(5))


def test_a_field_has_one_range_more_than_bounds() -> None:
    assert range_labels(SegmentField.of_text("x:-1:0").bounds) == [
        *("under -1", "-1 to 0", "0 and over")
    ]
    assert range_labels(()) == []
