"""Rights that are taken away while a worker is at work, and all roles with the least of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.bundle import Bundle
from schemas.record_codec import RecordCodec
from stream.kafka.access import Operation
from stream.kafka.declared_rights import Right
from stream.simulator.playing import Lead
from testing.kafka_client import Record, produce, until
from testing.scored_events import scored
from testing.webhook_receiver import WebhookReceiver, webhook_receiver
from tests.chaos.audit import second_audit
from tests.integration.archive_process import role_in, until_archived
from tests.integration.replay_process import Replays, Result
from tests.integration.secured_stage import SecuredStage, last_sentence
from tests.integration.traffic import streaming
from tests.webhook_stage import SECRET

COUNT = 100
RATE = 200
CODEC = RecordCodec("lead_scored")
ROLES = {
    "score": {"LEADSCORE_ROLE": "score"},
    "exactly-once": {"LEADSCORE_ROLE": "score", "LEADSCORE_DELIVERY": "exactly_once"},
    "drift": {"LEADSCORE_ROLE": "drift"},
    "all": {"LEADSCORE_ROLE": "all", "LEADSCORE_DELIVERY": "exactly_once"},
}


def environment_of(name: str, folder: Path) -> dict[str, str]:
    return role_in(folder) if name == "archive" else ROLES[name]


def settings_of(environment: dict[str, str]) -> dict[str, str]:
    return {key.removeprefix("LEADSCORE_").lower(): value for key, value in environment.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["exactly-once", "all"])
async def test_a_worker_needs_no_more_than_is_printed(
    secured: SecuredStage, contacts: list[Lead], name: str
) -> None:
    environment = ROLES[name]
    await secured.grant(secured.printed(environment["LEADSCORE_ROLE"], **environment))
    await secured.until_allowed(**settings_of(environment))
    for part in (contacts[:500], contacts[500:1000]):
        worker = await secured.start(**environment)
        await secured.stage.until_committed(await secured.stage.play(part))
        await worker.stop_cleanly()


@pytest.mark.thorough
async def test_a_sink_needs_no_more_than_is_printed_not_even_to_read_earlier_scores_back(
    secured: SecuredStage,
) -> None:
    async with webhook_receiver() as receiver:
        environment = webhook_sink(receiver)
        rights = secured.printed("sink", **environment)
        await secured.grant(rights)
        await secured.until_allowed(role="sink")
        for number in range(2):  # the second one reads earlier scores back
            sink = await secured.start(**environment)
            await emit_scores(secured, 20 * number, 20 * number + 20)
            await until_received(receiver, 20 * number + 20)
            await sink.stop_cleanly()


@pytest.mark.thorough
@pytest.mark.parametrize("part", ["scored", "dlq", "-sink-"])
async def test_a_right_that_is_taken_away_ends_a_sink_with_a_sentence(
    secured: SecuredStage, part: str
) -> None:
    async with webhook_receiver() as receiver:
        environment = webhook_sink(receiver)
        rights = secured.printed("sink", **environment)
        [taken] = [right for right in rights if right.name.endswith(part)]
        await secured.grant(rights)
        await secured.until_allowed(role="sink")
        sink = await secured.start(**environment)
        await emit_scores(secured, 0, 20)
        await until_received(receiver, 20)
        await secured.revoke(taken)
        if part == "dlq":
            topic = secured.settings.leads_scored
            await produce(secured.broker.bootstrap, topic, [Record(b"no event", partition=0)])
        else:
            await emit_scores(secured, 20, 40)
        said = await last_sentence(sink, 3)
    assert said.startswith("stopped: expected user worker to have the right ")
    assert str(taken) in said


def webhook_sink(receiver: WebhookReceiver) -> dict[str, str]:
    """Settings of a sink whose filter needs earlier scores."""
    return {
        "LEADSCORE_ROLE": "sink",
        "LEADSCORE_SINK": "webhook",
        "LEADSCORE_SINK_TO": receiver.url,
        "LEADSCORE_SINK_WEBHOOK_SECRET": SECRET,
        "LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE": "true",
        "LEADSCORE_SINK_WEBHOOK_SCORE_CHANGED": "0",
    }


async def emit_scores(secured: SecuredStage, start: int, stop: int) -> None:
    """Write scored events of a few leads, all to one partition."""
    records = [
        Record(CODEC.encode(scored(f"lead-{at % 3}", offset=at)), partition=0)
        for at in range(start, stop)
    ]
    await produce(secured.broker.bootstrap, secured.settings.leads_scored, records)


async def until_received(receiver: WebhookReceiver, count: int) -> None:
    await until(lambda: len(receiver.event_ids) == count, within=120, what=f"{count} events")


@pytest.mark.thorough
async def test_an_archive_worker_needs_no_more_than_is_printed_and_each_right_that_is(
    secured: SecuredStage, contacts: list[Lead], tmp_path: Path
) -> None:
    environment = role_in(tmp_path)
    given = settings_of(environment)
    rights = secured.printed("archive", **environment)
    nothing = await secured.until_refused(**given)
    assert all(str(right) in nothing for right in rights)
    await secured.grant(rights)
    await secured.until_allowed(**given)
    for part in (contacts[:500], contacts[500:1000]):
        await secured.stage.play(part)
        worker = await secured.start(**environment)
        await until_archived(secured.stage, tmp_path, worker)
        await worker.stop_cleanly()
    for right in rights:
        await secured.revoke(right)
        await secured.until_refused(**given)
        said = await last_sentence(secured.begin(**environment), 3)
        assert said == (
            f"not started: expected user worker to have the right {right} in Kafka, but it does"
            " not: `leadscore acls --role archive` prints the commands that grant it"
        )
        await secured.grant([right])
        await secured.until_allowed(**given)


USED_AT_WORK = {
    "score": ("created", "scored", "created.dlq", "partials", "group"),
    "exactly-once": ("created", "scored", "created.dlq", "partials", "group", "transactional id"),
    "drift": ("partials", "changelog", "group"),
    "archive": ("created", "group"),
}
"""Rights by a part of what they are printed as; Read on reports and changelog is for the start."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "part"), [(name, part) for name, parts in USED_AT_WORK.items() for part in parts]
)
async def test_a_right_that_is_taken_away_ends_the_worker_with_a_sentence(
    secured: SecuredStage,
    contacts: list[Lead],
    bank_model: Bundle,
    name: str,
    part: str,
    tmp_path: Path,
) -> None:
    environment = environment_of(name, tmp_path)
    rights: list[Right] = secured.printed(environment["LEADSCORE_ROLE"], **environment)
    taken = [right for right in rights if _is_of(right, part)][-1]
    await secured.grant(rights)
    await secured.until_allowed(**settings_of(environment))
    if name in ("drift", "archive"):  # somebody whose counts it watches, and who shows the traffic
        await secured.stage.start()
    worker = await secured.start(**environment)
    async with streaming(secured.stage, contacts, rate=RATE) as stream:
        await secured.stage.until_scored(2 * RATE)
        await secured.revoke(taken)
        said = await last_sentence(worker, 3)
        await stream.end()
    assert said.startswith("stopped: expected user worker to have the right ")
    assert str(taken) in said
    is_exactly_once = environment.get("LEADSCORE_DELIVERY") == "exactly_once"
    await second_audit(secured.stage, bank_model, at_rest=False, exactly_once=is_exactly_once)


def _is_of(right: Right, part: str) -> bool:
    return right.name.endswith(part) or part in str(right).split(right.name)[0]


@pytest.mark.thorough
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_replay_needs_no_more_than_is_printed_and_names_each_right_that_is_missing(
    secured: SecuredStage, contacts: list[Lead], delivery: str
) -> None:
    await secured.stage.play(contacts[:COUNT])
    replays = Replays(secured.as_user())
    rights = secured.printed("replay")
    runs: list[Result] = []

    async def ends_with(code: int) -> bool:
        # The broker hears of rights a moment later: a new replay each time.
        given = ("start", "--from", "beginning", "--id", f"r{len(runs)}", "--json")
        runs.append(await replays.run(*given, LEADSCORE_DELIVERY=delivery))
        return runs[-1].code == code

    await until(lambda: ends_with(3), within=120, what="a refusal without any right")
    # The right to create is asked for when the topic is created: without the others it is not.
    asked_first = [right for right in rights if right.operation is not Operation.CREATE]
    assert all(str(right) in runs[-1].err for right in asked_first)
    await secured.grant(rights)
    await until(lambda: ends_with(0), within=120, what="a replay with the printed rights")
    assert runs[-1].total("scored") == COUNT
    for right in rights:
        if right.type == "transactional-id" and delivery == "at_least_once":
            continue
        await secured.revoke(right)
        await until(lambda: ends_with(3), within=120, what=f"a refusal without {right}")
        # A right on a prefix is named with the prefix, or with the topic that needs it.
        operation, _, _ = str(right).partition(" on ")
        assert f"to have the right {operation} on the " in runs[-1].err
        assert right.name in runs[-1].err
        assert "Traceback" not in runs[-1].err
        await secured.grant([right])
