"""When a topic removes records, by its configuration."""

from __future__ import annotations

import pytest

from stream.erasure.policy import Fate, TopicPolicy

DAY = 86_400_000
NOW = 1_700_000_000_000
FOREVER = str(2**63 - 1)


def policy(cleanup: str, *, retention: str = str(7 * DAY), lag: str = FOREVER) -> TopicPolicy:
    configs = {
        "cleanup.policy": cleanup,
        "retention.ms": retention,
        "segment.ms": str(DAY),
        "max.compaction.lag.ms": lag,
    }
    return TopicPolicy.of("leads", 4, configs)


@pytest.mark.parametrize(
    ("given", "fate", "gone_by"),
    [
        (policy("delete"), Fate.AGES_OUT, NOW - DAY + 8 * DAY),
        (policy("delete", retention="-1"), Fate.STAYS, None),
        (policy("delete", retention=FOREVER), Fate.STAYS, None),
        (policy("compact"), Fate.TOMBSTONE, None),
        (policy("compact", lag=str(DAY)), Fate.TOMBSTONE, NOW + 2 * DAY),
        (policy("compact,delete"), Fate.TOMBSTONE, NOW + 7 * DAY),
        (policy("compact,delete", lag=str(DAY)), Fate.TOMBSTONE, NOW + 2 * DAY),
        (TopicPolicy.of("leads", 4, None), Fate.UNKNOWN, None),
    ],
)
def test_the_fate_of_a_record_of_yesterday(
    given: TopicPolicy, fate: Fate, gone_by: int | None
) -> None:
    assert given.fate is fate
    assert given.gone_by(NOW - DAY, NOW) == gone_by


def test_a_topic_that_only_compacts_has_no_retention_whatever_its_setting() -> None:
    assert policy("compact").retention_ms is None
