"""A re-drive of many letters that is killed again and again: each letter arrives once."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import orjson
import pytest

from stream.broker import Broker
from stream.kafka.topic_admin import create_topics
from stream.settings import Settings
from testing.dead_letters import dead_letter
from testing.kafka_client import TopicFactory, produce, read_all, read_ends, until

LETTERS, PARTITIONS, KILLS = 50_000, 4, 5
SENT_AT = int(time.time() * 1000) - 3_600_000
"""An hour ago: a broker removes records that are older than the retention, a week."""
WITHIN = 120.0


@pytest.fixture
async def settings(kafka: Broker, topics: TopicFactory) -> Settings:
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap,
        topic_prefix=topics.prefix,
        group_id=f"{topics.prefix}workers",
    )
    await create_topics(settings, PARTITIONS)
    return settings


async def write_letters(settings: Settings) -> None:
    await produce(
        settings.kafka_bootstrap_servers,
        settings.leads_created_dlq,
        (
            dead_letter(
                *(b"no lead %d" % number, b"L-%d" % number),
                topic=settings.leads_created,
                partition=number % PARTITIONS,
                offset=number,
                timestamp=SENT_AT + number,
            )
            for number in range(LETTERS)
        ),
    )


async def started(settings: Settings, log: Path, *arguments: str) -> asyncio.subprocess.Process:
    # LEADSCORE_CHAOS is no setting: the command would warn of it before it names its id.
    given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
    environment = {
        "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "LEADSCORE_TOPIC_PREFIX": settings.topic_prefix,
        "LEADSCORE_GROUP_ID": settings.group_id,
    }
    with log.open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "stream", "dlq", "redrive", "--json", *arguments),
            env=given | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )


async def written(settings: Settings) -> int:
    """Offsets of the source topic that are used, also by aborted transactions."""
    return sum((await read_ends(settings.kafka_bootstrap_servers, settings.leads_created)).values())


async def kill_amid_its_work(
    process: asyncio.subprocess.Process, settings: Settings, chance: Random
) -> None:
    """Kill a re-drive after it has written some records, at no particular point."""
    before = await written(settings)

    async def has_written() -> bool:
        return process.returncode is not None or await written(settings) > before

    await until(has_written, within=WITHIN, what="a record of the re-drive")
    await asyncio.sleep(0.3 * chance.random())
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.mark.thorough
@pytest.mark.parametrize("is_resumed", [True, False], ids=["resumed", "started again"])
async def test_each_letter_arrives_once_though_the_command_is_killed(
    settings: Settings, chance: Random, tmp_path: Path, is_resumed: bool
) -> None:
    """Its transactions are aborted or committed whole; the same command again repeats nothing."""
    await write_letters(settings)
    arguments: list[str] = []
    for number in range(KILLS):
        log = tmp_path / f"{number}.log"
        process = await started(settings, log, *arguments)
        await kill_amid_its_work(process, settings, chance)
        assert process.returncode == -9, f"it ended before it could be killed: {log.read_text()}"
        if is_resumed and not arguments:  # the first run prints its id
            arguments = ["--resume", log.read_text().split()[1].rstrip(";")]
    process = await started(settings, tmp_path / "last.log", *arguments)
    out, _ = await process.communicate()
    assert process.returncode == 0, (tmp_path / "last.log").read_text()
    account = orjson.loads(out)
    assert account["read"] == LETTERS
    assert account["sent"] + sum(account["left"].values()) == LETTERS
    assert account["left"].keys() <= (set() if is_resumed else {"already_sent"})
    records = await read_all(
        settings.kafka_bootstrap_servers,
        settings.leads_created,
        committed_only=True,
        within=WITHIN,
    )
    found = Counter(record.key for record in records)
    assert found == {b"L-%d" % number: 1 for number in range(LETTERS)}
    for record in records[:: LETTERS // 100]:
        number = int(record.key[2:])
        assert (record.value, record.timestamp) == (b"no lead %d" % number, SENT_AT + number)
        assert record.partition == number % PARTITIONS
