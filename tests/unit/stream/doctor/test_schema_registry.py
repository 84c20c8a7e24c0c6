"""The check of the schema registry, on one in memory."""

from __future__ import annotations

from typing import Any

import pytest

from stream.doctor import schema_registry as doctor
from stream.doctor.finding import Finding, Level, Surroundings
from stream.doctor.schema_registry import check_schema_registry
from stream.schema_registry.subjects import scored_subject, text_of
from stream.settings import Settings, load_settings
from testing.fake_schema_registry import FakeSchemaRegistry
from tests.unit.small_model import SmallModel

LEADS, SCORED = "leads.created-value", "leads.scored-value"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeSchemaRegistry:
    fake = FakeSchemaRegistry()
    monkeypatch.setattr(doctor, "open_schema_registry", lambda _: fake)
    return fake


def settings_of(model: SmallModel, **given: Any) -> Settings:
    return load_settings(
        registry=str(model.registry), schema_registry_url="http://registry", **given
    )


async def found(settings: Settings) -> dict[Level, list[Finding]]:
    by_level: dict[Level, list[Finding]] = {level: [] for level in Level}
    for finding in await check_schema_registry(Surroundings(settings, None, {})):
        by_level[finding.level].append(finding)
    return by_level


async def test_without_a_registry_there_is_nothing_to_check() -> None:
    assert await check_schema_registry(Surroundings(load_settings(), None, {})) == []


async def test_schemas_that_fit_are_named_with_their_ids(
    registry: FakeSchemaRegistry, model: SmallModel
) -> None:
    settings = settings_of(model, output_format="confluent")
    registry.levels[SCORED] = "FULL_TRANSITIVE"
    registry.add(text_of(scored_subject(settings).schema), subject=SCORED)
    ok = (await found(settings))[Level.OK]
    assert [finding.sentence.partition(" fits ")[2] for finding in ok] == [
        f"{LEADS} (BACKWARD) and is not registered",
        f"{SCORED} (FULL_TRANSITIVE) and has id 1",
    ]
    assert registry.is_closed


async def test_scored_events_that_cannot_be_written_are_a_failure(
    registry: FakeSchemaRegistry, model: SmallModel
) -> None:
    [failure] = (await found(settings_of(model, output_format="confluent")))[Level.FAIL]
    assert SCORED in failure.sentence
    assert failure.remedy == "register it with `leadscore schemas register`"


async def test_a_weak_level_is_a_warning_and_an_incompatible_schema_a_failure(
    registry: FakeSchemaRegistry, model: SmallModel
) -> None:
    registry.add({"type": "record", "name": "Other", "fields": []}, subject=LEADS)
    registry.refuses.add(LEADS)
    by_level = await found(settings_of(model))
    assert LEADS in by_level[Level.FAIL][0].sentence
    assert "FULL_TRANSITIVE" in by_level[Level.WARN][0].sentence


async def test_a_registry_that_does_not_answer_is_one_failure(
    registry: FakeSchemaRegistry, model: SmallModel
) -> None:
    registry.is_unavailable = True
    [failure] = (await found(settings_of(model)))[Level.FAIL]
    assert "does not answer" in failure.sentence
