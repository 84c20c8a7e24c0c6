"""The subjects of LeadScore's schemas, by TopicNameStrategy, and what must hold for each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.scored_event import scored_event
from schemas.store import Schema
from stream.settings import Settings

__all__ = ["Subject", "leads_subject", "scored_subject", "subject_of", "text_of"]

READABLE = ("BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")
"""Levels under which a reader of the newest schema reads data of the version before."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject and the schema that LeadScore reads or writes its topic with.

    Attributes
    ----------
    name
        The topic's name with ``-value``.
    schema
        The leads' contract, or the schema of scored events.
    level
        The compatibility level that is set.
    levels
        The levels that will do.
    may_be_json
        Whether its schemas may be JSON Schemas instead.
    """

    name: str
    schema: Schema
    level: str
    levels: Sequence[str]
    may_be_json: bool = False


def subject_of(topic: str) -> str:
    """Return the subject of a topic's values.

    Examples
    --------
    >>> subject_of("leads.scored")
    'leads.scored-value'
    """
    return f"{topic}-value"


def leads_subject(settings: Settings, contract: Schema) -> Subject:
    """Return the subject of leads: the contract must read what is written with other versions."""
    name = subject_of(settings.leads_created)
    return Subject(name, contract, "BACKWARD", READABLE, may_be_json=True)


def scored_subject(settings: Settings) -> Subject:
    """Return the subject of scored events: every version must read those of every other one."""
    level = "FULL_TRANSITIVE"
    schema = scored_event().schema
    return Subject(subject_of(settings.leads_scored), schema, level, (level,))


def text_of(schema: Schema) -> str:
    """Return a schema as it is registered: always the same text for the same schema."""
    return json.dumps(schema.avro, separators=(",", ":"), ensure_ascii=False)
