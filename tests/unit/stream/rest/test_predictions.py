"""Answers: grades beside scores, and the names that clients of earlier scoring APIs expect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from agents.lead_grades import grade_in
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.process.background_tasks import BackgroundTasks
from stream.rest.leads import lead_of
from stream.rest.micro_batches import MicroBatches
from stream.rest.model_service import rest_settings
from stream.rest.prediction_cache import PredictionCache
from stream.rest.predictions import Predictions, as_prediction
from stream.rest.scoring import Refusal, score_leads
from stream.scoring.grading import grades_of
from stream.scoring.serving_model import load_serving, locate
from stream.settings import Settings, load_settings
from tests.unit.agents.test_scoring import Record, score
from tests.unit.small_model import SmallModel
from tests.unit.stream.rest.client import rules_file

CREATED_AT = 1_700_000_000_000
DAY_MS = 86_400_000


@pytest.fixture
def settings(model: SmallModel, tmp_path: Path) -> Settings:
    return load_settings(registry=str(model.registry), grade_rules=rules_file(tmp_path))


@pytest.fixture
def looks() -> list[bool]:
    """Whether each look-up in the cache found something."""
    return []


@pytest.fixture
async def predictions(settings: Settings, looks: list[bool]) -> AsyncIterator[Predictions]:
    serving = load_serving(rest_settings(settings), locate(settings))

    def ignore(_: int) -> None: ...

    batches = MicroBatches(lambda leads: score_leads(serving, leads), ignore, 1000)
    tasks = BackgroundTasks()
    tasks.start(batches.run())
    yield Predictions(
        batches,
        PredictionCache(300, 1000, looks.append),
        lambda: serving.identity.sha256,
        grades=grades_of(settings, SchemaStore.load(), None),
    )
    await tasks.cancel()


async def test_grades_are_those_that_a_worker_writes_into_headers(
    model: SmallModel, settings: Settings, predictions: Predictions
) -> None:
    leads = [orjson.loads(value) for value in model.values(WireFormat.JSON)[:300]]
    times = [CREATED_AT + at * DAY_MS for at in range(300)]
    answers = await predictions.of(leads, "r", times)
    worker = load_serving(settings, locate(settings)).scorer
    read = [lead_of(lead, "r", at) for lead, at in zip(leads, times, strict=True)]
    records = [Record(at, lead.value, timestamp=lead.timestamp) for at, lead in enumerate(read)]
    grades = [answer["grade"] for answer in answers if not isinstance(answer, Refusal)]
    assert grades == [grade_in(headers) for _, _, headers in score(worker, records).scored]
    assert len(set(grades)) > 5


async def test_a_score_of_the_cache_has_a_grade_of_its_own(
    predictions: Predictions, looks: list[bool]
) -> None:
    content = {"created_at": CREATED_AT, "page_views": 9.0, "company_size": 300.0}
    found = []
    for lead_id, at in [("a", CREATED_AT), ("vip", CREATED_AT), ("a", CREATED_AT + 5 * DAY_MS)]:
        [answer] = await predictions.of([{**content, "lead_id": lead_id}], "r", [at])
        assert isinstance(answer, dict)
        found.append(answer)
    assert [answer["grade"] for answer in found] == ["B1", "A1", "B3"]
    assert len({answer["score"] for answer in found}) == 1
    assert looks == [False, True, True]


async def test_a_lead_that_can_not_be_scored_has_no_grade(predictions: Predictions) -> None:
    [answer] = await predictions.of([{"lead_id": ""}], "r", [CREATED_AT])
    assert isinstance(answer, Refusal)


def test_a_scored_event_keeps_its_fields_and_gets_those_of_earlier_apis() -> None:
    event = {"score": 0.25, "category": "Low", "scored_at": 1_700_000_000_123, "latency_ms": 0}
    assert as_prediction(event, 1.23456) == {
        "score": 0.25,
        "category": "Low",
        "scored_at": 1_700_000_000_123,
        "lead_score": 0.25,
        "score_category": "Low",
        "prediction_timestamp": "2023-11-14T22:13:20.123+00:00",
        "latency_ms": 1.235,
    }
