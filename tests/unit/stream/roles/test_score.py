"""The role score: what is made once, what comes first, and what refers to what is made later."""

from __future__ import annotations

import pytest

from stream.roles.score import ScoringRole, wire
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def names() -> list[str]:
    app = role_app("score")
    return [type(service).__name__ for service in wire(app, monitor_of(app))]


def test_a_change_of_model_outlives_the_scoring_service() -> None:
    """Else leads could be scored by a model other than the one whose commit is under way."""
    assert names().index("ModelReloader") < names().index("ScoringService")


def test_a_stop_does_not_wait_for_the_commit_watch_first() -> None:
    """Its request may wait for a broker that does not answer: seven seconds of ten."""
    assert names().index("CommitWatch") < names().index("ScoringService")


def test_the_pipeline_asks_the_source_that_is_made_after_it() -> None:
    app = role_app("score")
    role = ScoringRole(app, monitor_of(app))
    assert role.pipeline.changes is role.changes
    assert role.source.observer is role.observer
    assert role.changes._assignment_now() is role.source.assignment


def test_the_monitor_shows_the_model_of_the_role() -> None:
    app = role_app("score")
    monitor = monitor_of(app)
    role = ScoringRole(app, monitor)
    assert monitor.model_info() == role.models.model_info


@pytest.mark.parametrize(("drift", "counts"), [(True, True), (False, False)])
def test_counts_for_drift_are_written_only_if_the_settings_say_so(
    drift: bool, counts: bool
) -> None:
    app = role_app("score", drift=drift)
    role = ScoringRole(app, monitor_of(app))
    assert (app.settings.leads_drift_partials in role.emitter.limits.topics) is counts
    assert (role.pipeline._drift is role.drift) is counts
