"""The latest score of each lead, out of scored events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.errors import StartupError
from schemas.record_codec import RecordCodec
from stream.outcomes import score_sample
from stream.outcomes.score_sample import LatestScores, read_score_sample
from stream.retraining.offsets import OffsetRange
from stream.settings import load_settings
from testing.scored_events import SCORED_AT, scored
from tests.unit.stream.sinks.fake_sink import record_of

CODEC = RecordCodec("lead_scored")
DAY_MS = 86_400_000


@pytest.mark.parametrize("pending", [1, 500_000])
def test_each_lead_has_its_latest_score(pending: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_sample, "PENDING", pending)
    latest = LatestScores()
    latest.add([b"a", b"b"], [20, 30], [0.2, 0.3])
    latest.add([b"a", b"c"], [40, 10], [0.4, 0.1])
    latest.add([b"a"], [5], [0.9])
    latest.add([], [], [])
    assert sorted(latest.scores()) == [0.1, 0.3, 0.4]
    assert latest.first == 5


def test_without_scores_there_are_none() -> None:
    assert len(LatestScores().scores()) == 0


def with_topic(monkeypatch: pytest.MonkeyPatch, *events: dict[str, Any]) -> None:
    async def counts(*_: Any) -> dict[str, int]:
        return {"leads.scored": 1}

    async def ranges(*_: Any) -> tuple[OffsetRange, ...]:
        return (OffsetRange(0, 3, 3 + len(events)),)

    async def read(*_: Any) -> AsyncIterator[Any]:
        yield [record_of(at, value=CODEC.encode(event)) for at, event in enumerate(events, 3)]

    monkeypatch.setattr(score_sample, "partition_counts", counts)
    monkeypatch.setattr(score_sample, "topic_ranges", ranges)
    monkeypatch.setattr(score_sample, "read_ranges", read)


async def test_scores_of_other_models_of_replays_and_of_before_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_topic(
        monkeypatch,
        scored("early", offset=10, scored_at=SCORED_AT - 1),
        scored("a", offset=11),
        scored("other", offset=12, model_sha256="cd" * 32),
        scored("replayed", offset=13, replay_id="r"),
        scored("a", offset=14),
    )
    found = await read_score_sample(
        load_settings(), {"ab" * 32}, SCORED_AT, SCORED_AT + 11 + 2 * DAY_MS
    )
    assert found.scores.tolist() == [0.14]
    assert found.days == 2
    assert found.offsets == {0: (3, 8)}


async def test_a_missing_topic_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with_topic(monkeypatch)
    with pytest.raises(StartupError, match=r"expected the topic other\.scored"):
        await read_score_sample(load_settings(leads_scored="other.scored"), {"a"}, 0, 1)
