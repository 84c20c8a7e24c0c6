"""The role trainer: only the process that has the partition of requests retrains."""

from __future__ import annotations

import pytest

from stream.roles.trainer import wire
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def test_its_agent_reads_the_requests() -> None:
    app = role_app("trainer")
    wire(app, monitor_of(app))
    [agent] = app.agents.values()
    assert agent.channel.get_topic_name() == app.settings.leads_retrain
