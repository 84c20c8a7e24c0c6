"""Headers that are not sent again with a record, and what each of them would do.

Every other header is kept, in its order and as often as it is there. Names of headers for tracing
are compared without regard to case, as HTTP gateways change it.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.dead_letters import VALUE_BYTES
from schemas.headers import (
    ATTEMPT,
    CONNECT_ERRORS,
    ERROR_CODE,
    REPLAY_ID,
    SCHEMA_NAME,
    SOURCE_TIMESTAMP,
    TRACE_NAMES,
    Headers,
)

__all__ = ["is_denied", "sendable"]

REPLICATION = frozenset({"__mskmr", "__replicator_id"})
"""Amazon MSK Replicator and Confluent Replicator do not copy a record that has their header."""

TRACING = frozenset(
    {
        *TRACE_NAMES,  # W3C
        *("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"),
        "uber-trace-id",
        "x-amzn-trace-id",
        "x-cloud-trace-context",
        *("x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority"),
        *("x-datadog-origin", "x-datadog-tags"),
        "sentry-trace",
        *("elastic-apm-traceparent", "elasticapmtraceparent"),
        "newrelic",
        "sw8",  # SkyWalking
    }
)
"""A trace that ended long ago must not get another span."""

ERRORS = frozenset({ERROR_CODE, REPLAY_ID, SCHEMA_NAME, SOURCE_TIMESTAMP, VALUE_BYTES})
"""The reasons of the letter. A worker drops a record that has the code ATTEMPTS."""
ERROR_PREFIXES = (CONNECT_ERRORS, "__streams.errors.", "kafka_dlt-", "retry_topic-")
"""Reserved by Kafka Connect, Kafka Streams (KIP-1034) and Spring Kafka."""


def is_denied(name: str) -> bool:
    """Return whether a header is left out when its record is sent again."""
    return (
        name in REPLICATION
        or name in ERRORS
        or name.startswith(ERROR_PREFIXES)
        or name.lower() in TRACING
    )


def sendable(headers: Sequence[tuple[str, bytes | None]], attempt: int) -> Headers:
    """Return the headers with which a record is sent again.

    Parameters
    ----------
    headers
        The letter's, or those of its source record.
    attempt
        Number of times that the record was processed; the worker that reads it adds one.
    """
    kept = [given for given in headers if given[0] != ATTEMPT and not is_denied(given[0])]
    return [*kept, (ATTEMPT, b"%d" % attempt)]
