"""Scored events as records, by the compiled loop and by plain Python."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agents import outputs
from agents.outputs import event_records, largest_of

SHARED: Any = [("ce_type", b"t"), ("ce_time", b"now")]
ROWS: Any = SimpleNamespace(
    lead_ids=[b"a", b"b", b"c"], event_ids=[b"1", b"2", b"3"], request_ids=[b"r", b"2", b"3"]
)
VALUES = [b"one", b"", b"three"]
PASSED_ON: Any = [(), [("traceparent", b"p"), ("n", None)], ()]


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def _loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setattr(outputs, "_compiled", None)
    else:
        pytest.importorskip("agents._compiled", reason="there was no compiler")


@pytest.mark.parametrize("passed_on", [None, PASSED_ON])
def test_an_event_has_the_headers_of_all_its_own_and_those_of_its_lead(passed_on: Any) -> None:
    found = event_records(ROWS, VALUES, SHARED, passed_on)
    for row, (key, value, headers) in enumerate(found):
        assert (key, value) == (ROWS.lead_ids[row], VALUES[row])
        own = [("ce_id", ROWS.event_ids[row]), ("x-request-id", ROWS.request_ids[row])]
        assert headers == [*SHARED, *own, *((passed_on or [()] * 3)[row])]
        assert type(headers) is list, "the producer takes nothing else"
    assert found[0][2] is not found[2][2], "a header that is added to one is not in the others"


def test_columns_that_differ_in_length_are_refused() -> None:
    with pytest.raises(ValueError):
        event_records(ROWS, VALUES[:2], SHARED, None)


def test_the_largest_are_found_wherever_they_are() -> None:
    rows: Any = [(None, None, []), (b"key" * 9, b"12345", [("h", b"v")]), (None, b"1", [(), ()])]
    assert largest_of(rows) == largest_of(tuple(rows)) == (5, 2)
    assert largest_of([]) == (0, 0)
