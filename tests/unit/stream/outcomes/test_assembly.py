"""The parts of the role follow from the settings of the worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from agents.outcomes.progress import Progress
from schemas.errors import InvalidEventError
from schemas.lead_outcome import encode_outcome
from stream.outcomes.assembly import (
    followed,
    lags_of,
    outcome_reader,
    outcome_settings,
    partition_counts,
)
from stream.settings import load_settings
from tests.unit.stream.outcomes.outcome_stage import settings_in


def test_the_role_has_a_group_of_its_own_and_reads_what_is_committed(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, group_id="g", isolation_level="read_uncommitted")
    own = outcome_settings(settings)
    assert (own.group_id, own.isolation_level) == ("g-outcomes", "read_uncommitted")
    exact = settings_in(tmp_path, delivery="exactly_once", isolation_level="read_uncommitted")
    assert outcome_settings(exact).isolation_level == "read_committed"
    assert not outcome_settings(exact).is_exactly_once


def test_followed_topics_continue_where_the_store_ends() -> None:
    progress = Progress(offsets={"scores": 9, "outcomes": 4})
    assert followed(load_settings(), progress) == {"leads.outcomes": 4, "leads.scored.shadow": 0}


def test_the_reader_has_the_limits_of_the_settings() -> None:
    reader = outcome_reader(load_settings(max_event_bytes=20))
    value = encode_outcome({"lead_id": "a" * 20, "outcome": "won", "occurred_at": 0})
    with pytest.raises(InvalidEventError, match="at most 20 bytes"):
        reader.read(value, 0)


async def test_partitions_are_counted() -> None:
    async def count(topic: str) -> int | None:
        return 4 if topic == "a" else None

    assert await partition_counts(count, ("a", "b")) == {"a": 4, "b": 1}


def test_lags_of_both_readers_are_shown() -> None:
    class Source:
        started = False

    class Follower:
        lags = {TopicPartition("leads.outcomes", 1): 5}  # noqa: RUF012

    source: Any = Source()
    follower: Any = Follower()
    assert [*lags_of(source, follower)] == [("leads.outcomes", 1, 5)]
