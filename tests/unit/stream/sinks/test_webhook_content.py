"""Contents of a webhook: fields and built-in bodies."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agents.outcomes.lead_timers import Overdue
from agents.outcomes.overdue_event import encode_overdue, read_overdue
from schemas.model_identity import ModelIdentity
from stream.sinks.previous_scores import Score
from stream.sinks.sink import Log, SinkRecord
from stream.sinks.webhook_content import CONTENTS, OVERDUE, SCORES, event_fields
from stream.sinks.webhook_template import read_template
from testing.sink_writer import record

LOG = Log("leads.overdue", 2)
MODEL = ModelIdentity("leads", "3", "9f")


def body(content: str, template: str, **fields: Any) -> Any:
    of = CONTENTS[content]
    return orjson.loads(read_template(template, of)({**of.sample, **fields}))


def overdue(due: int = 1_801_000) -> SinkRecord:
    value = encode_overdue("L-1", Overdue("hot", 1000, due, 17, 0.75, "High", MODEL), 2)
    return SinkRecord(4, 1_806_000, "L-1", read_overdue(value))


@pytest.mark.parametrize(
    ("content", "kind"), [("scores", "lead.scored"), ("overdue", "lead.overdue")]
)
def test_the_standard_body_has_every_field_and_the_kind_of_event(content: str, kind: str) -> None:
    found = body(content, "standard")
    assert tuple(found["data"]) == CONTENTS[content].fields
    assert found["type"] == kind


@pytest.mark.parametrize("content", CONTENTS)
def test_no_text_of_slacks_message_is_empty(content: str) -> None:
    found = body(content, "slack")
    assert found["text"]
    assert all(element["text"] for element in found["blocks"][1]["elements"])


def test_an_overdue_lead_has_the_minutes_that_its_timer_gave() -> None:
    fields = event_fields(OVERDUE, LOG, overdue(), None)
    assert {*OVERDUE.fields} <= {*fields}
    assert (fields["minutes"], fields["event_id"]) == (30, "hot-2-17-1000")
    assert (fields["topic"], fields["partition"], fields["offset"]) == ("leads.overdue", 2, 4)


def test_a_scored_event_has_the_score_before_it() -> None:
    fields = event_fields(SCORES, LOG, record(7), Score(0.5, "High"))
    assert {*fields} == {*SCORES.fields}
    assert (fields["previous_score"], fields["previous_category"]) == (0.5, "High")


def test_a_time_that_no_calendar_has_is_no_event() -> None:
    with pytest.raises(ValueError, match="years 1 to 9999"):
        event_fields(OVERDUE, LOG, overdue(due=2**62), None)
