"""The role sink: its group, the size of its polls, and the wait for schema ids."""

from __future__ import annotations

from typing import Any

import pytest

from stream.roles.sink import SinkRole
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def role(**given: Any) -> SinkRole:
    app = role_app("sink", **given)
    return SinkRole(app, monitor_of(app))


def test_it_reads_in_the_group_of_the_sink() -> None:
    made = role(sink_name="crm")
    assert made._kafka.offsets._group_id == "leadscore-sink-crm"
    assert made.source.observer is made.observer


def test_a_poll_is_no_larger_than_what_is_written_at_once() -> None:
    assert role(sink_records=70, batch_max_records=500).source.options.max_records == 70
    assert role(sink_records=700, batch_max_records=500).source.options.max_records == 500


def test_with_a_schema_registry_the_wait_starts_first() -> None:
    made = role(schema_registry_url="http://registry")
    assert type(made.services[0]).__name__ == "SchemaWait"
