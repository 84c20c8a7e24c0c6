"""The role drift: a table that Faust restores from a compacted changelog of one partition."""

from __future__ import annotations

import pytest

from stream.roles.drift import wire
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def test_its_table_is_restored_from_the_changelog_of_the_settings() -> None:
    app = role_app("drift", topic_prefix="staging.")
    wire(app, monitor_of(app))
    changelog = app.tables["drift_windows"].changelog_topic
    assert changelog.get_topic_name() == app.settings.drift_changelog
    assert changelog.partitions == 1
    assert changelog.compacting


def test_its_agent_reads_the_counts_of_the_workers() -> None:
    app = role_app("drift")
    wire(app, monitor_of(app))
    [agent] = app.agents.values()
    assert agent.channel.get_topic_name() == app.settings.leads_drift_partials
