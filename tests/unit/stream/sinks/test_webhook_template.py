"""Templates of a webhook's body."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.errors import StartupError
from stream.sinks.webhook_content import SCORES
from stream.sinks.webhook_template import read_template


def rendered(tmp_path: Path, body: Any, **fields: Any) -> Any:
    file = tmp_path / "template.json"
    file.write_bytes(orjson.dumps(body))
    return orjson.loads(read_template(str(file), SCORES)({**SCORES.sample, **fields}))


def test_a_placeholder_alone_keeps_its_type_and_in_a_text_it_is_a_text(tmp_path: Path) -> None:
    body = {
        "score": "{score}",
        "text": ["{lead_id} has {score:.1%}", "no placeholder: { }", 3],
        "previous": "{previous_score}",
        "sentence": "before: {previous_score}.",
    }
    assert rendered(tmp_path, body, lead_id="L-1", score=0.123, previous_score=None) == {
        "score": 0.123,
        "text": ["L-1 has 12.3%", "no placeholder: { }", 3],
        "previous": None,
        "sentence": "before: .",
    }


def test_a_value_is_never_read_as_a_placeholder(tmp_path: Path) -> None:
    found = rendered(tmp_path, {"text": "{lead_id}: {label}"}, lead_id="{score}", label="{x}")
    assert found == {"text": "{score}: {x}"}


def test_reasons_are_a_sentence_in_a_text_and_a_list_alone(tmp_path: Path) -> None:
    reasons = [
        {"feature": "age", "value": "over 40", "contribution": 0.25},
        {"feature": "job", "value": "none", "contribution": -0.5},
    ]
    found = rendered(tmp_path, {"text": "{reasons} ", "list": "{reasons}"}, reasons=reasons)
    assert found["text"] == "age: over 40 (+0.25); job: none (-0.50) "
    assert found["list"] == reasons


def test_slacks_markup_is_escaped_where_the_template_asks_for_it(tmp_path: Path) -> None:
    found = rendered(tmp_path, ["{lead_id!slack}", "{lead_id}"], lead_id="<!channel> & co")
    assert found == ["&lt;!channel&gt; &amp; co", "<!channel> & co"]


def test_a_time_is_written_in_iso_8601(tmp_path: Path) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    found = rendered(tmp_path, ["{scored_at}", "at {scored_at}"], scored_at=at)
    assert found == ["2026-03-01T00:00:00+00:00", "at 2026-03-01T00:00:00+00:00"]


@pytest.mark.parametrize(
    ("body", "named"),
    [("{lead}", "'lead'"), ("x {score:%Q}", "format"), ("{lead_id:.2f}", "format")],
)
def test_a_placeholder_that_is_none_stops_the_start(tmp_path: Path, body: str, named: str) -> None:
    with pytest.raises(StartupError, match=named):
        rendered(tmp_path, {"text": body})


@pytest.mark.parametrize(("content", "sentence"), [(None, "readable file"), (b"{", "to be JSON")])
def test_a_file_that_is_no_template_stops_the_start(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "template.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StartupError, match=sentence):
        read_template(str(file), SCORES)
