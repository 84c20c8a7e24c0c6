"""Errors that end a worker which cannot read: Kafka's answers, with what to do."""

from __future__ import annotations

from aiokafka.errors import InconsistentGroupProtocolError, KafkaError

from schemas.errors import FatalError, StartupError
from stream.kafka.group_protocol import OTHER_PROTOCOL
from stream.kafka.shared_settings import OtherDeliveryError

__all__ = ["as_fatal"]


def as_fatal(error: KafkaError, topic: str) -> FatalError:
    """Return the error that ends the worker for an answer of Kafka to a reader of a topic."""
    if isinstance(error, OtherDeliveryError):
        return StartupError(str(error.args[0]))
    if isinstance(error, InconsistentGroupProtocolError):
        return StartupError(OTHER_PROTOCOL)
    return FatalError(
        f"Records of topic {topic} were expected, but Kafka answered {error!r}: check "
        "that the topic exists and that this user may read it and its consumer group."
    )
