"""Read Kafka's clock from the controller's answer to a DescribeQuorum request.

Kafka's protocol has no request for the time. This answer has, for each replica of the metadata log,
the time of its last fetch, and for the leader itself the time of the answer (KIP-836). The request
needs the right Describe on the cluster.

aiokafka 0.14 has no such request, so it is declared here with the private parts of its protocol;
tests/integration/test_clock.py fails where they, or Kafka's answer, change.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema
from aiokafka.protocol.types import TaggedFields as Tags

from stream.fetch.closing import closed

__all__ = ["ClockReader", "clock_reader"]

log = logging.getLogger(__name__)

ANSWER_LIMIT = 7.5
"""Seconds."""

METADATA_LOG = "__cluster_metadata"

ClockReader = Callable[[], Awaitable[float | None]]
"""Returns Kafka's time, in seconds since 1970, as of its return; None where Kafka does not say."""

_REPLICAS = CompactArray(
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    ("tags", Tags),
)


class DescribeQuorumResponse_v1(Response):  # noqa: N801
    """The response."""

    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", _REPLICAS),
                        ("observers", _REPLICAS),
                        ("tags", Tags),
                    ),
                ),
                ("tags", Tags),
            ),
        ),
        ("tags", Tags),
    )


class DescribeQuorumRequest_v1(RequestStruct):  # noqa: N801
    """The request as it is sent."""

    API_KEY = 55
    API_VERSION = 1
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeQuorumResponse_v1
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", Tags))),
                ("tags", Tags),
            ),
        ),
        ("tags", Tags),
    )


class DescribeQuorumRequest(Request[DescribeQuorumRequest_v1]):
    """Request for the replicas of the metadata log."""

    API_KEY = 55

    def build(
        self, request_struct_class: type[DescribeQuorumRequest_v1]
    ) -> DescribeQuorumRequest_v1:
        """Write the request."""
        return request_struct_class([(METADATA_LOG, [(0, {})], {})], {})


def clock_reader(connection: Mapping[str, Any]) -> ClockReader:
    """Return a reader of Kafka's clock.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    """

    async def read() -> float | None:
        admin = AIOKafkaAdminClient(**connection)
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                await admin.start()
                asked = time.monotonic()
                answer = await admin._send_request(DescribeQuorumRequest())
                way = (time.monotonic() - asked) / 2
        except (KafkaError, TimeoutError, NotImplementedError, IncompatibleBrokerVersion) as error:
            log.info("Kafka's clock can't be read: %r", error)
            return None
        finally:
            await closed(admin.close())
        answered_ms = _latest(answer)
        return None if answered_ms is None else answered_ms / 1000 + way

    return read


def _latest(answer: Any) -> int | None:
    """Return the latest time in an answer, milliseconds since 1970: that of the leader itself."""
    if answer.error_code:
        log.info("Kafka's clock can't be read: %r", for_code(answer.error_code))
        return None
    times = [
        time_ms
        for _, partitions, _ in answer.topics
        for _, _, _, _, _, voters, observers, _ in partitions
        for _, _, *times, _ in (*voters, *observers)
        for time_ms in times
        if time_ms > 0
    ]
    return max(times, default=None)
