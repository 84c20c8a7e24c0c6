"""Kafka's answers to a reader, as errors that say what to do."""

from __future__ import annotations

from aiokafka.errors import InconsistentGroupProtocolError, TopicAuthorizationFailedError

from schemas.errors import StartupError
from stream.consume.read_errors import as_fatal
from stream.kafka.group_protocol import OTHER_PROTOCOL
from stream.kafka.shared_settings import OtherDeliveryError


def test_a_group_with_another_delivery_is_an_error_of_the_start_with_its_own_words() -> None:
    error = as_fatal(OtherDeliveryError("the group delivers exactly once"), "leads")
    assert isinstance(error, StartupError)
    assert str(error) == "the group delivers exactly once"


def test_a_group_with_another_protocol_is_an_error_of_the_start() -> None:
    error = as_fatal(InconsistentGroupProtocolError(), "leads")
    assert isinstance(error, StartupError)
    assert str(error) == OTHER_PROTOCOL


def test_any_other_answer_names_the_topic_and_what_to_check() -> None:
    error = as_fatal(TopicAuthorizationFailedError("leads"), "leads")
    assert not isinstance(error, StartupError)
    assert "Records of topic leads were expected" in str(error)
    assert "may read it" in str(error)
