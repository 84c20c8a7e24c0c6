"""The role archive: it reads every record, in a group of its own."""

from __future__ import annotations

from typing import Any

import pytest

from stream.roles import archive as module
from stream.roles.archive import ArchiveRole
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def role(**given: Any) -> ArchiveRole:
    app = role_app("archive", **given)
    return ArchiveRole(app, monitor_of(app))


def test_its_consumer_is_in_a_group_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: dict[str, Any] = {}
    monkeypatch.setattr(module, "open_consumer", lambda _, **options: opened.update(options))
    made = role(group_id="g")
    made._consumer()
    assert opened["group_id"] == "g-archive"
    assert opened["on_refusal"] == made.source.refused


def test_a_record_that_cannot_be_read_is_no_reason_to_stop() -> None:
    assert role(unreadable="stop").source.options.unreadable == "dead_letter"


def test_completed_files_are_shown_by_an_observer_that_is_made_after_the_writer() -> None:
    made = role()
    assert made.source.observer is made.observer
