"""The parts of a shadow know no name of the workers' outputs, group or model."""

from __future__ import annotations

from typing import Any

import pytest

from stream.faust_app import App
from stream.monitor import Monitor
from stream.roles.score import ScoringRole
from stream.scoring.role_settings import scoring_settings
from stream.settings import Settings, load_settings
from stream.topology import ROLES


async def _no_checks(_: App) -> None:
    """It would ask Kafka."""


def shadow_of(**given: Any) -> tuple[Settings, ScoringRole]:
    settings = load_settings(role="shadow", **given)
    role = ScoringRole(App(settings, _no_checks), Monitor(settings, ROLES["shadow"].ready))
    return settings, role


def written_by(role: ScoringRole) -> set[str]:
    """Return every topic that a part of the role may write to."""
    outputs = role.pipeline._outputs
    return {
        *role.emitter.limits.topics,
        *getattr(outputs._delivery, "_topics", ()),
        outputs._scored_topic,
        outputs._dead_letter_topic,
    }


def test_workers_keep_their_settings() -> None:
    settings = load_settings(role="all")
    assert scoring_settings(settings) is settings


def test_a_shadow_has_outputs_a_group_and_a_model_of_its_own() -> None:
    settings = scoring_settings(
        load_settings(role="shadow", topic_prefix="staging.", model="leads@production")
    )
    assert settings.group_id == "staging.leadscore-shadow"
    assert settings.model == "leads@shadow"
    assert settings.leads_created == "staging.leads.created"
    assert settings.leads_scored == "staging.leads.scored.shadow"
    assert settings.leads_created_dlq == "staging.leads.scored.shadow.dlq"
    assert not settings.drift


@pytest.mark.usefixtures("current_loop")
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_no_part_of_a_shadow_writes_to_a_topic_of_the_workers(delivery: str) -> None:
    settings, role = shadow_of(delivery=delivery)
    assert written_by(role) == {settings.leads_scored_shadow, settings.leads_scored_shadow_dlq}
    live = {settings.leads_scored, settings.leads_created_dlq, settings.leads_drift_partials}
    assert written_by(role).isdisjoint(live)
    assert role.pipeline._drift is None


@pytest.mark.usefixtures("current_loop")
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_no_part_of_a_shadow_commits_for_the_group_of_the_workers(delivery: str) -> None:
    settings, role = shadow_of(delivery=delivery)
    assert role.kafka.offsets._group_id == settings.shadow_group == "leadscore-shadow"
    if settings.is_exactly_once:
        made: Any = role.pipeline._outputs._delivery
        assert made._options.group_id == "leadscore-shadow"  # and its transactional ids
