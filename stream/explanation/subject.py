"""The lead that a user names: by its id, or by the place of a record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stream.dead_letters.letter import Place

__all__ = ["LeadId", "RecordPlace", "Subject", "looks_like_a_place", "parse_subject"]

PLACE = re.compile(r"(?P<topic>.+)/(?P<partition>\d{1,10})/(?P<offset>\d{1,19})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LeadId:
    """A lead by its id: its newest scored event is meant."""

    text: str

    @property
    def key(self) -> bytes:
        """The key of its scored events."""
        return self.text.encode()

    def __str__(self) -> str:
        return f"lead {self.text}"


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """A record of the leads topic, of a topic of scored events or of the dead letters."""

    topic: str
    place: Place

    def __str__(self) -> str:
        return f"{self.topic}/{self.place}"


Subject = LeadId | RecordPlace


def looks_like_a_place(text: str) -> bool:
    """Return whether a text has the form of a place, in whatever topic."""
    return PLACE.fullmatch(text) is not None


def parse_subject(text: str, topics: tuple[str, ...], prefix: str) -> Subject:
    """Return what a user names.

    Parameters
    ----------
    text
        An id, or ``topic/partition/offset``.
    topics, prefix
        Only these topics, and those whose names begin with the prefix, can be that of a place:
        other text of the same form is an id.

    Examples
    --------
    >>> parse_subject("leads.created/2/4711", ("leads.created",), "leads.rescored.")
    RecordPlace(topic='leads.created', place=Place(partition=2, offset=4711))
    >>> parse_subject("crm/2/4711", ("leads.created",), "leads.rescored.")
    LeadId(text='crm/2/4711')
    """
    found = PLACE.fullmatch(text)
    if found and (found["topic"] in topics or found["topic"].startswith(prefix)):
        return RecordPlace(found["topic"], Place(int(found["partition"]), int(found["offset"])))
    return LeadId(text)
