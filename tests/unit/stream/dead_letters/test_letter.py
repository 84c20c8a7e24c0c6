"""Reading of a record of the dead-letter topic, in each form that a worker writes."""

from __future__ import annotations

import pytest

from agents.dead_letters import forms_of
from schemas.errors import ErrorCode
from stream.dead_letters.letter import DeadLetter, Place
from stream.fetch.raw_records import RawRecord
from testing.dead_letters import dead_letter
from testing.kafka_client import Record

SENT_AT = 1_700_000_000_000
LETTER = dead_letter(b"x", b"ann", partition=3, offset=42, timestamp=SENT_AT, headers=[("a", b"1")])


def read(letter: Record, partition: int = 3) -> DeadLetter | None:
    return DeadLetter.from_record(
        RawRecord(partition, 7, 1000, letter.key, letter.value, letter.headers)
    )


def test_a_whole_letter_has_its_place_its_source_and_its_reason() -> None:
    letter = read(LETTER)
    assert letter is not None
    assert (letter.place, letter.source) == (Place(3, 7), Place(3, 42))
    assert (letter.code, letter.attempt, letter.source_topic) == ("WIRE_FORMAT", 1, "leads.created")
    assert letter.source_timestamp == SENT_AT
    assert not letter.is_left_out


def test_the_smallest_form_has_the_partition_of_its_source() -> None:
    *_, smallest = forms_of((LETTER.key, LETTER.value, list(LETTER.headers)))
    letter = read(Record(smallest[1], smallest[0], smallest[2]))
    assert letter is not None
    assert (letter.source, letter.source_topic) == (Place(3, 42), None)
    assert (letter.left_out_bytes, letter.is_left_out) == (1, True)


@pytest.mark.parametrize(("code", "is_left_out"), [("UNREADABLE", True), ("WIRE_FORMAT", False)])
def test_a_tombstone_lacks_no_value_but_an_unreadable_record_does(
    code: str, is_left_out: bool
) -> None:
    letter = read(dead_letter(None, code=ErrorCode(code)))
    assert letter is not None
    assert letter.is_left_out is is_left_out


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("leadscore.error.code", b"DECODE")],
        [("leadscore.error.code", b"DECODE"), ("__connect.errors.offset", b"-1")],
        [("leadscore.error.code", None), ("__connect.errors.offset", b"1")],
    ],
)
def test_a_record_of_another_program_is_no_letter(headers: list[tuple[str, bytes | None]]) -> None:
    assert read(Record(b"x", None, headers)) is None
