"""Workers of a group compare the settings that they must share."""

from __future__ import annotations

import pytest
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
)
from aiokafka.errors import InconsistentGroupProtocolError

from stream.kafka.group_protocol import assignors
from stream.kafka.shared_settings import OtherDeliveryError, Shared, shared_settings
from stream.settings import load_settings
from tests.unit.stream.kafka.test_group_protocol import join

SHARED = shared_settings(load_settings())


OTHERS = {**SHARED, "delivery": "exactly_once"}


def take(shared: Shared, assignment: ConsumerProtocolMemberAssignment) -> None:
    """Process an assignment as a worker with these settings does."""
    refusals: list[Exception] = []
    assignors("own", shared, refusals.append)[0].on_assignment(assignment)
    assert refusals == []


def test_workers_with_the_same_settings_take_their_assignments() -> None:
    for assignment in join(SHARED, SHARED, SHARED):
        take(SHARED, assignment)


def test_a_worker_that_delivers_in_another_way_is_refused_and_the_others_are_not() -> None:
    first, other, third = join(SHARED, OTHERS, SHARED)
    take(SHARED, first)
    take(SHARED, third)
    with pytest.raises(OtherDeliveryError) as failure:
        take(OTHERS, other)
    sentence = failure.value.args[0]
    assert "LEADSCORE_DELIVERY was expected to be 'at_least_once'" in sentence
    assert "it is 'exactly_once'" in sentence


def test_a_worker_in_the_minority_is_refused_also_where_it_leads() -> None:
    leader, second, third = join(OTHERS, SHARED, SHARED)
    with pytest.raises(OtherDeliveryError):
        take(OTHERS, leader)
    take(SHARED, second)
    take(SHARED, third)


def test_the_leader_stays_where_two_workers_differ() -> None:
    leader, second = join(OTHERS, SHARED)
    take(OTHERS, leader)
    with pytest.raises(OtherDeliveryError):
        take(SHARED, second)


def test_a_worker_of_an_earlier_version_gets_what_it_knows_and_is_not_compared() -> None:
    leader, earlier = join(SHARED, None)
    take(SHARED, leader)
    assert earlier.user_data == b"leadscore"
    take(OTHERS, earlier)  # of a leader of an earlier version


def test_a_refusal_is_reported_at_once() -> None:
    """aiokafka keeps the error for the next poll, and a source without start offsets never polls:
    the worker was alive and read nothing."""
    refusals: list[object] = []
    member = assignors("own", OTHERS, refusals.append)[0]
    _, other = join(SHARED, OTHERS)
    for assignment in (other, ConsumerProtocolMemberAssignment(0, [], b"")):
        with pytest.raises(InconsistentGroupProtocolError) as failure:
            member.on_assignment(assignment)
        assert refusals.pop() is failure.value


def test_other_differing_settings_are_logged_and_the_worker_continues(
    caplog: pytest.LogCaptureFixture,
) -> None:
    differs = {**SHARED, "drift_window_seconds": 60.0}
    _, other = join(SHARED, differs)
    take(differs, other)
    [warning] = caplog.messages
    assert "LEADSCORE_DRIFT_WINDOW_SECONDS was expected to be 300.0" in warning
    assert "it is 60.0" in warning


@pytest.mark.parametrize("content", [b"leadscore[", b"leadscore7", b'leadscore{"delivery": []}'])
def test_user_data_that_no_worker_writes_do_no_harm(content: bytes) -> None:
    if b"[]" in content:
        with pytest.raises(OtherDeliveryError):
            take(SHARED, ConsumerProtocolMemberAssignment(0, [], content))
    else:
        take(SHARED, ConsumerProtocolMemberAssignment(0, [], content))
