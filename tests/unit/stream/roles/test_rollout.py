"""The role rollout: the partition of the topic of changes makes one process the active one."""

from __future__ import annotations

import pytest

from stream.roles.rollout import wire
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def test_its_agent_has_the_topic_of_changes() -> None:
    app = role_app("rollout")
    wire(app, monitor_of(app))
    [agent] = app.agents.values()
    assert agent.channel.get_topic_name() == app.settings.leads_models
