"""Checks of the brokers: versions and clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from stream.doctor.finding import Finding, Surroundings, fail, ok, warn

__all__ = ["check_broker", "check_clock", "release"]

FETCH, METADATA, DESCRIBE_QUORUM = 1, 3, 55
"""Keys of requests (https://kafka.apache.org/protocol#protocol_api_keys)."""
TOLERATED, WRONG = 5.0, 60.0
"""Seconds of clock skew: noticed, and corrected by a worker (stream/kafka/record_clock.py)."""


async def check_broker(at: Surroundings) -> Sequence[Finding]:
    """Report the brokers and their release, as far as the supported requests show it."""
    assert at.cluster is not None
    brokers = await at.cluster.brokers()
    found = release(await at.cluster.versions())
    count = "1 broker" if len(brokers) == 1 else f"{len(brokers)} brokers"
    sentence = f"Kafka {found} at {at.settings.kafka_bootstrap_servers}, {count}"
    if found.startswith("before"):
        return [
            warn(
                sentence,
                "upgrade the brokers: LeadScore is tested with Kafka 4.1, and reads the clock of"
                " Kafka 3.3 or later only",
            )
        ]
    return [ok(sentence)]


def release(versions: Mapping[int, tuple[int, int]]) -> str:
    """Return the release of a broker as a range, from the requests that it supports.

    Kafka's protocol does not name the release. Kafka 4.0 removed old versions of Fetch (KIP-896),
    3.3 added DescribeQuorum version 1 (KIP-836), 2.3 Metadata version 8 (KIP-430).

    Parameters
    ----------
    versions
        Lowest and highest version of each request, by key.
    """
    unsupported = (0, -1)
    if versions.get(FETCH, unsupported)[0] >= 4:
        return "4.0 or later"
    if versions.get(DESCRIBE_QUORUM, unsupported)[1] >= 1:
        return "3.3 or later"
    if versions.get(METADATA, unsupported)[1] >= 8:
        return "before 3.3"
    return "before 2.3"


async def check_clock(at: Surroundings) -> Sequence[Finding]:
    """Compare this machine's clock with Kafka's."""
    assert at.cluster is not None
    there = await at.cluster.time()
    if there is None:
        return [
            warn(
                "Kafka's clock can't be read, so clock skew is unknown",
                "grant Describe on the cluster (`leadscore acls`), which is optional; it needs"
                " Kafka 3.3 with KRaft",
            )
        ]
    ahead = time.time() - there
    word = "ahead of" if ahead > 0 else "behind"
    sentence = f"this machine's clock is {abs(ahead):.1f} s {word} Kafka's"
    remedy = "synchronise the clocks (NTP)"
    if abs(ahead) >= WRONG:
        return [fail(sentence, f"{remedy}; until then workers use Kafka's time")]
    return [warn(sentence, remedy) if abs(ahead) >= TOLERATED else ok(sentence)]
