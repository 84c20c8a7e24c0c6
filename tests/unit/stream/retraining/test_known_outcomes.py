"""Final outcomes by lead, known when their records were written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson

from agents.retraining.point_in_time import lead_key
from stream.retraining.known_outcomes import KnownOutcomes
from stream.settings import load_settings

AT = 1_764_000_000_000


def outcome(word: str, known: int = AT + 5) -> Any:
    value = orjson.dumps({"lead_id": "L-1", "outcome": word, "occurred_at": AT})
    return SimpleNamespace(value=value, timestamp=known)


def test_successes_and_failures_are_kept_and_steps_on_the_way_are_not() -> None:
    found = KnownOutcomes(load_settings())
    found.add([outcome("Won"), outcome("lost"), outcome("engaged")])
    assert [o.is_success for o in found.by_lead[lead_key(b"L-1")]] == [True, False]
    assert {o.known_at for o in found.by_lead[lead_key(b"L-1")]} == {AT + 5}


def test_by_the_clock_of_creation_an_outcome_is_known_when_it_occurs() -> None:
    found = KnownOutcomes(load_settings(retrain_time="created"))
    found.add([outcome("won")])
    assert found.by_lead[lead_key(b"L-1")][0].known_at == AT


def test_invalid_records_are_counted_and_tombstones_are_not() -> None:
    found = KnownOutcomes(load_settings())
    found.add(
        [SimpleNamespace(value=b"{}", timestamp=AT), SimpleNamespace(value=None, timestamp=1)]
    )
    assert (found.invalid, found.by_lead) == (1, {})
