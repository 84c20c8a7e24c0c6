"""Which leads would be scored now."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from schemas.errors import ErrorCode
from stream.dead_letters import trial as module
from stream.dead_letters.account import LeftReason
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.trial import Trial
from stream.fetch.raw_records import RawRecord
from stream.scoring.serving_model import load_serving
from stream.settings import load_settings
from testing.dead_letters import dead_letter

NOW = 1_700_000_000_000


def lead(lead_id: str) -> bytes:
    return orjson.dumps({"lead_id": lead_id, "created_at": NOW})


def letter(value: bytes, code: ErrorCode) -> tuple[DeadLetter, RawRecord]:
    made = dead_letter(value, b"k", code=code)
    found = DeadLetter.from_record(RawRecord(0, 0, NOW, made.key, made.value, made.headers))
    assert found is not None
    return found, RawRecord(0, 0, NOW, made.key, value, ())


@pytest.mark.parametrize("rows_at_once", [1, 2, 100])
def test_each_letter_has_the_outcome_that_a_worker_would_give_its_record(
    monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    """Good, bad and missing records are mixed, so that an outcome can't move to another letter."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows_at_once)
    settings = load_settings(environment="test", max_attempts=3)
    outcomes: list[str] = []
    trial = Trial(
        load_serving(settings, None).scorer, 4000, NOW, lambda _, outcome: outcomes.append(outcome)
    )
    trial.add(*letter(b"no lead", ErrorCode.WIRE_FORMAT))
    trial.add(*letter(lead("ann"), ErrorCode.SCHEMA))
    trial.add(letter(b"", ErrorCode.SCHEMA)[0], LeftReason.SOURCE_GONE)
    at_the_limit, record = letter(lead("bob"), ErrorCode.SCHEMA)
    record.headers = [("leadscore.attempt", b"3")]
    trial.add(at_the_limit, record)
    trial.add(*letter(lead("L" * 5000), ErrorCode.OUTPUT_TOO_LARGE))
    trial.finish()
    assert trial.outcomes == {
        "WIRE_FORMAT": Counter(WIRE_FORMAT=1),
        "SCHEMA": Counter(passed=1, source_gone=1, ATTEMPTS=1),
        "OUTPUT_TOO_LARGE": Counter(OUTPUT_TOO_LARGE=1),
    }
    assert sorted(outcomes) == [
        "ATTEMPTS",
        "OUTPUT_TOO_LARGE",
        "WIRE_FORMAT",
        "passed",
        "source_gone",
    ]


def test_nothing_to_try() -> None:
    trial = Trial(load_serving(load_settings(environment="test"), None).scorer, 4000, NOW)
    trial.finish()
    assert trial.outcomes == {}
