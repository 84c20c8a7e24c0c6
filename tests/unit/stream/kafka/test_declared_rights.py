"""The rights that a role or a command needs."""

from __future__ import annotations

from typing import Any

import pytest

from stream.kafka.access import Operation, Use, uses_of
from stream.kafka.declared_rights import RESOURCES, optional_rights_of, rights_of
from stream.kafka.topic_catalog import TOPICS
from tests.unit.stream.kafka.test_rights import settings_of


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"role": "score"},
            {
                "Read on the topic leads.created",
                "Read on the group leadscore",
                "Write on the topic leads.scored",
                "Write on the topic leads.created.dlq",
                "Write on the topic leads.drift.partials",
            },
        ),
        (
            {"role": "score", "drift": False, "delivery": "exactly_once"},
            {
                "Read on the topic leads.created",
                "Read on the group leadscore",
                "Write on the topic leads.scored",
                "Write on the topic leads.created.dlq",
                "Write on the transactional ids that begin with leadscore/leads.created/",
            },
        ),
        (
            {"role": "shadow", "delivery": "exactly_once"},
            {
                "Read on the topic leads.created",
                "Read on the group leadscore-shadow",
                "Write on the topic leads.scored.shadow",
                "Write on the topic leads.scored.shadow.dlq",
                "Write on the transactional ids that begin with leadscore-shadow/leads.created/",
            },
        ),
        (
            {"role": "drift", "topic_prefix": "staging."},
            {
                "Read on the topic staging.leads.drift.partials",
                "Read on the topic staging.leads.drift",
                "Write on the topic staging.leads.drift",
                "Read on the topic staging.leadscore-drift_windows-changelog",
                "Write on the topic staging.leadscore-drift_windows-changelog",
                "Read on the group staging.leadscore-drift",
            },
        ),
    ],
)
def test_the_rights_of_a_role_are_those_of_its_settings(
    given: dict[str, Any], expected: set[str]
) -> None:
    settings = settings_of(**given)
    rights = rights_of(settings, uses_of(settings))
    assert {str(right) for right in rights} == expected
    assert len(rights) == len(expected)


def test_both_roles_need_the_rights_of_each() -> None:
    both = settings_of(role="all", delivery="exactly_once")
    rights = set(rights_of(both, uses_of(both)))
    for role in ("score", "drift"):
        one = both.model_copy(update={"role": role})
        assert set(rights_of(one, uses_of(one))) < rights


def test_a_command_has_rights_on_its_topics_only() -> None:
    settings = settings_of()
    created = rights_of(settings, (Use.CREATE,))
    assert {right.operation for right in created} == {Operation.CREATE, Operation.DESCRIBE}
    topics = [each for each in RESOURCES if each.type == "topic" and not each.is_prefix]
    assert len(created) == 2 * len(topics)
    assert [str(right) for right in rights_of(settings, (Use.STATUS,))] == [
        "Read on the topic leads.drift"
    ]


def test_a_replay_may_not_join_the_workers_group_nor_write_to_their_topics() -> None:
    settings = settings_of()
    assert {str(right) for right in rights_of(settings, (Use.REPLAY,))} == {
        "Read on the topic leads.created",
        "Read on the topic leads.replays",
        "Write on the topic leads.replays",
        "Read on the groups that begin with leadscore-replay-",
        "Create on the topics that begin with leads.rescored.",
        "Write on the topics that begin with leads.rescored.",
        "Write on the transactional ids that begin with leadscore-replay-",
    }
    assert [str(right) for right in optional_rights_of(settings, (Use.REPLAY,))] == [
        "Describe on the group leadscore",
        "Read on the topic leads.scored",
    ]


def test_an_explanation_only_reads() -> None:
    settings = settings_of()
    assert {str(right) for right in rights_of(settings, (Use.EXPLAIN,))} == {
        f"Read on the topic {topic}"
        for topic in ("leads.created", "leads.scored", "leads.created.dlq")
    }
    assert [str(right) for right in optional_rights_of(settings, (Use.EXPLAIN,))] == [
        "Read on the topic leads.replays",
        "Read on the topic leads.scored.shadow",
        "Read on the topics that begin with leads.rescored.",
    ]


def test_an_erasure_writes_only_plans_unless_a_topic_of_leads_is_compacted() -> None:
    settings = settings_of()
    held = [topic.name(settings) for topic in TOPICS if topic.holds_leads]
    assert {str(right) for right in rights_of(settings, (Use.ERASE,))} == {
        *(f"Read on the topic {topic}" for topic in held),
        "Read on the topic leads.replays",
        "Write on the topic leads.replays",
        "Read on the topics that begin with leads.rescored.",
    }
    assert {str(right) for right in optional_rights_of(settings, (Use.ERASE,))} == {
        f"{operation} on the topic {topic}"
        for topic in held
        for operation in ("Write", "DescribeConfigs")
    }


def test_the_limits_and_ends_of_output_topics_and_the_clock_are_optional() -> None:
    settings = settings_of(role="score", drift=False)
    optional = optional_rights_of(settings, uses_of(settings))
    assert [str(right) for right in optional] == [
        "Describe on the cluster",
        "DescribeConfigs on the topic leads.created",
        "Read on the topic leads.scored",
        "DescribeConfigs on the topic leads.scored",
        "Read on the topic leads.created.dlq",
        "DescribeConfigs on the topic leads.created.dlq",
    ]
    assert optional_rights_of(settings, (Use.PRODUCE,)) == ()
