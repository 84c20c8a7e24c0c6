"""Changes are published in order, once, and again only where the topic does not have them."""

from __future__ import annotations

from typing import Any

from model.alias import Alias
from model.alias_entry import Action, AliasEntry, next_entry
from schemas.record_codec import RecordCodec
from stream.rollout.change_log import ChangeLog
from testing.made import MADE
from tests.unit.stream.rollout.test_service import FakeEmitter


def history(count: int) -> list[AliasEntry]:
    entries: list[AliasEntry] = []
    for number in range(count):
        last = entries[-1] if entries else None
        to = str(number + 1)
        entries.append(next_entry(last, Action.SET, MADE, alias=Alias.PRODUCTION, to=to))
    return entries


async def test_new_entries_of_a_history_are_published() -> None:
    topic: Any = FakeEmitter()
    topic.rows.append((b"other", b"a record of another kind"))
    log = ChangeLog("bank", "leads.models", topic, topic)
    await log.publish(history(2))
    await log.publish(history(3))
    assert [key for key, _ in topic.rows[1:]] == [b"bank/1", b"bank/2", b"bank/3"]
    change = RecordCodec("model_change").decode(topic.rows[-1][1])
    assert (change["number"], change["from_version"], change["to_version"]) == (3, "2", "3")
    assert (change["changed_by"], change["reason"]) == (MADE.by, MADE.why)


async def test_another_agent_continues_after_the_last_change_of_its_model() -> None:
    topic: Any = FakeEmitter()
    await ChangeLog("other", "leads.models", topic, topic).publish(history(9))
    await ChangeLog("bank", "leads.models", topic, topic).publish(history(2))
    next_one = ChangeLog("bank", "leads.models", topic, topic)
    await next_one.publish(history(3))
    assert [key for key, _ in topic.rows[9:]] == [b"bank/1", b"bank/2", b"bank/3"]
    await ChangeLog("bank", "leads.models", topic, topic).publish(history(4))
    next_one.forget()
    await next_one.publish(history(4))
    assert len(topic.rows) == 13
