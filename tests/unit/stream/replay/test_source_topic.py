"""A replay does not continue over a topic that was created again."""

from __future__ import annotations

import pytest

from schemas.errors import StartupError
from stream.kafka.topic_ids import TopicIds
from stream.replay.source_topic import require_same_topic
from stream.settings import Settings
from tests.unit.stream.replay.test_plan import plan_of


def answer(monkeypatch: pytest.MonkeyPatch, topic_id: str | None) -> list[str]:
    """Answer with an id; return the topics that are asked for."""
    asked: list[str] = []

    async def read(self: TopicIds, topic: str) -> str | None:
        asked.append(topic)
        return topic_id

    monkeypatch.setattr(TopicIds, "read", read)
    return asked


@pytest.mark.parametrize(("planned", "found"), [("a", "a"), (None, "a"), ("a", None)])
async def test_the_same_topic_and_one_without_an_id_are_read(
    monkeypatch: pytest.MonkeyPatch, planned: str | None, found: str | None
) -> None:
    asked = answer(monkeypatch, found)
    await require_same_topic(Settings(), plan_of(topic_id=planned))
    assert asked == ([] if planned is None else ["leads.created"])


async def test_a_topic_that_was_created_again_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "b")
    with pytest.raises(StartupError, match="deleted and created again"):
        await require_same_topic(Settings(), plan_of(topic_id="a"))


async def test_a_replay_of_an_archive_needs_no_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, "b")
    await require_same_topic(Settings(), plan_of(topic_id="a", archive="files"))
    assert asked == []
