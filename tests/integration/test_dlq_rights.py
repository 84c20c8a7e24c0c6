"""The rights that `leadscore acls` prints for `leadscore dlq` suffice, and each is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.dead_letters.account import Account
from stream.dead_letters.dead_letter_log import DeadLetterLog
from stream.dead_letters.purge import delete_letters
from stream.dead_letters.redriving import open_sources, plan_redrive, redrive
from stream.dead_letters.selection import Selection
from stream.kafka.access import Use
from stream.settings import Settings
from testing.dead_letters import dead_letter
from testing.kafka_client import produce, until
from tests.integration.secured_broker import SecuredBroker
from tests.integration.secured_stage import SecuredStage
from tests.integration.worker_process import Stage

LETTERS = 3


@pytest.fixture
async def secured(secured_kafka: SecuredBroker, tmp_path: Path) -> SecuredStage:
    """A stage with letters, and a user who has no right yet."""
    name = f"t{time.time_ns()}"
    stage = Stage(
        {
            "LEADSCORE_ENV": "test",
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": secured_kafka.bootstrap,
            "LEADSCORE_TOPIC_PREFIX": f"{name}.",
        },
        tmp_path,
    )
    await stage.create_topics(1)
    settings = stage.settings
    await produce(
        secured_kafka.bootstrap,
        settings.leads_created_dlq,
        [dead_letter(b"x", topic=settings.leads_created, offset=n) for n in range(LETTERS)],
    )
    return SecuredStage(secured_kafka, stage)


async def count(settings: Settings) -> None:
    log = DeadLetterLog(settings)
    letters = [record async for record in log.read_all(await log.spans(Use.DLQ))]
    assert len(letters) == LETTERS
    async with open_sources(settings) as sources:
        assert sources.limits.max_bytes(settings.leads_created) > 0


async def send(settings: Settings) -> None:
    log = DeadLetterLog(settings)
    plan = await plan_redrive(
        settings, log, Selection(), limit=None, max_attempts=None, is_again=True
    )
    account: Account = await redrive(
        settings, log, plan, stop=asyncio.Event(), on_progress=lambda _: None
    )
    assert account.sent == LETTERS


async def purge(settings: Settings) -> None:
    log = DeadLetterLog(settings)
    await delete_letters(settings, log, await log.spans(Use.PURGE))


@pytest.mark.long
@pytest.mark.parametrize(
    ("role", "act"), [("dlq", count), ("dlq-redrive", send), ("dlq-purge", purge)]
)
async def test_a_command_needs_no_more_rights_than_are_printed(
    secured: SecuredStage, role: str, act: Callable[[Settings], Awaitable[None]]
) -> None:
    settings = secured.as_user().settings
    with pytest.raises(StartupError) as refused:
        await act(settings)
    rights = secured.printed(role)
    assert all(str(right) in str(refused.value) for right in rights)
    assert f"leadscore acls --role {role}" in str(refused.value)
    await secured.grant(rights)

    async def is_done() -> bool:
        try:
            await act(settings)
        except StartupError:  # the broker hears of rights a moment later
            return False
        return True

    await until(is_done, what="the command with its rights")
