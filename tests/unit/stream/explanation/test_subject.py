"""Which lead an argument names."""

from __future__ import annotations

import pytest

from stream.dead_letters.letter import Place
from stream.explanation.subject import LeadId, RecordPlace, Subject, parse_subject

TOPICS = ("leads.created", "leads.scored")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L-17", LeadId("L-17")),
        ("leads.created/2/4711", RecordPlace("leads.created", Place(2, 4711))),
        ("leads.rescored.r-1/0/5", RecordPlace("leads.rescored.r-1", Place(0, 5))),
        ("leads.scored/0/0", RecordPlace("leads.scored", Place(0, 0))),
        ("another.topic/2/4711", LeadId("another.topic/2/4711")),
        ("leads.created/2", LeadId("leads.created/2")),
        ("leads.created/2/x", LeadId("leads.created/2/x")),
        ("leads.created/2/4711\n", LeadId("leads.created/2/4711\n")),
        ("x\nleads.created/2/4711", LeadId("x\nleads.created/2/4711")),
    ],
)
def test_only_the_topics_of_leads_have_places(text: str, expected: Subject) -> None:
    assert parse_subject(text, TOPICS, "leads.rescored.") == expected


def test_a_place_is_written_as_it_is_given() -> None:
    assert str(RecordPlace("leads.created", Place(2, 4711))) == "leads.created/2/4711"


def test_the_key_of_a_lead_is_its_id_in_utf_8() -> None:
    assert LeadId("Zoë").key == b"Zo\xc3\xab"
