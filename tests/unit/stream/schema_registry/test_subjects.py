"""Subjects follow TopicNameStrategy."""

from __future__ import annotations

import json

from schemas.scored_event import scored_event
from schemas.store import parse_schema
from stream.schema_registry.subjects import leads_subject, scored_subject, text_of
from stream.settings import load_settings


def test_a_subject_is_named_after_the_topic() -> None:
    settings = load_settings(topic_prefix="staging.")
    assert scored_subject(settings).name == "staging.leads.scored-value"
    contract = scored_event().schema
    assert leads_subject(settings, contract).name == "staging.leads.created-value"


def test_leads_need_backward_and_scored_events_full_transitive() -> None:
    settings, schema = load_settings(), scored_event().schema
    assert leads_subject(settings, schema).level == "BACKWARD"
    assert "BACKWARD_TRANSITIVE" in leads_subject(settings, schema).levels
    assert scored_subject(settings).levels == ("FULL_TRANSITIVE",)


def test_the_text_that_is_registered_is_the_schema() -> None:
    schema = scored_event().schema
    again = parse_schema(json.loads(text_of(schema)))
    assert again.fingerprint == schema.fingerprint
    assert text_of(again) == text_of(schema)
