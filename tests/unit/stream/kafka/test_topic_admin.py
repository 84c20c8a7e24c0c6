from __future__ import annotations

from typing import Any

import pytest

from stream.kafka.access import uses_of
from stream.kafka.topic_admin import expected_partitions, faults
from stream.kafka.topic_catalog import TOPICS, topics_of
from stream.settings import Settings

SETTINGS = Settings(topic_prefix="staging.", group_id="scorers")
SCORING = topics_of(uses_of(Settings(role="score")))


def found(**changed: Any | None) -> dict[str, int]:
    """All topics as they should be with six partitions, but for some, by setting."""
    counts = expected_partitions(SETTINGS, 6)
    for setting, count in changed.items():
        name = getattr(SETTINGS, setting)
        del counts[name]
        if count is not None:
            counts[name] = count
    return counts


def test_topics_follow_the_sources_partitions_or_have_one() -> None:
    found = list(expected_partitions(SETTINGS, 6).values())
    assert found == [6, 6, 6, 1, *5 * [6], 1, 1, 6, *6 * [1]]


def test_nothing_is_wrong_when_all_fit() -> None:
    assert faults(SETTINGS, found(), TOPICS) == []


def test_only_a_missing_source_is_reported() -> None:
    assert faults(SETTINGS, {}, SCORING) == [
        "expected the topic staging.leads.created, but it does not exist:"
        " create it with `leadscore topics create`"
    ]


def test_a_missing_topic_is_named_with_the_partitions_that_it_is_due() -> None:
    assert faults(SETTINGS, found(leads_scored=None), SCORING) == [
        "expected the topic staging.leads.scored (6 partitions), but it does not exist:"
        " create it with `leadscore topics create`"
    ]


def test_a_mismatch_says_expected_and_found_and_the_remedy() -> None:
    [sentence] = faults(SETTINGS, found(leads_created_dlq=4), SCORING)

    assert sentence.startswith(
        "expected the topic staging.leads.created.dlq to have 6 partitions,"
        " as staging.leads.created has, but it has 4: "
    )
    assert "leadscore topics create" in sentence


def test_a_topic_that_must_not_be_split_is_found_split() -> None:
    [sentence] = faults(SETTINGS, found(leads_drift_partials=2), TOPICS)

    assert "staging.leads.drift.partials to have 1 partition, but it has 2" in sentence


def test_all_faults_are_reported_at_once() -> None:
    assert len(faults(SETTINGS, found(leads_scored=None, leads_created_dlq=5), SCORING)) == 2


@pytest.mark.parametrize("partitions", [1, 6])
def test_outputs_with_more_partitions_than_the_source_are_no_fault(partitions: int) -> None:
    """A source that came back with fewer stopped every start, and its loss was not reported."""
    more = found(leads_created=partitions, leads_scored=8, leads_created_dlq=8)
    assert faults(SETTINGS, more, SCORING) == []


def test_a_scoring_worker_does_not_ask_for_drift_topics() -> None:
    assert faults(SETTINGS, found(leads_drift=None, leads_outcomes=None), SCORING) == []
    assert faults(SETTINGS, found(leads_drift=None), topics_of(uses_of(Settings(role="all")))) != []


def test_partials_are_needed_only_by_who_counts_for_drift() -> None:
    without = topics_of(uses_of(Settings(role="score", drift=False)))
    assert faults(SETTINGS, found(leads_drift_partials=None), without) == []
    assert faults(SETTINGS, found(leads_drift_partials=None), SCORING) != []


def test_a_drift_worker_does_not_ask_for_the_source() -> None:
    assert (
        faults(SETTINGS, found(leads_created=None), topics_of(uses_of(Settings(role="drift"))))
        == []
    )
