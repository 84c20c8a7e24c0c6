"""`leadscore replay` as a process of its own, for tests, and what it has written."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from aiokafka import ConsumerRecord
from aiokafka.errors import GroupCoordinatorNotAvailableError

from model.bundle import Bundle
from schemas.headers import EventIds
from testing.kafka_client import committed_offsets, read_all, read_ends, until
from tests.integration import command_process
from tests.integration.command_process import CommandResult, begin_command
from tests.integration.worker_process import Stage, headers_of


class Result(CommandResult):
    """A replay that has ended."""

    @property
    def account(self) -> dict[int, dict[str, int]]:
        """The account at the end, by partition."""
        [end] = [line for line in self.lines if line.get("event") == "ended"]
        return {line["partition"]: line for line in end["partitions"]}

    def total(self, name: str) -> int:
        return sum(line[name] for line in self.account.values())


@dataclass(frozen=True)
class Replays:
    """Runs replays of a stage's leads, by `leadscore replay` or another command."""

    stage: Stage
    command: tuple[str, ...] = ("replay",)

    async def begin(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """Start the command: `process = await begin("start", "--last", "1h")`."""
        return await begin_command(self.stage, *self.command, *arguments, **environment)

    async def run(self, *arguments: str, **environment: str) -> Result:
        """Run the command to its end."""
        return await ended(await self.begin(*arguments, **environment))

    def out(self, replay_id: str) -> str:
        """The isolated topic of a replay's events."""
        return f"{self.stage.settings.topic_prefix}leads.rescored.{replay_id}"

    async def events(self, replay_id: str) -> list[ConsumerRecord]:
        """Events that a reader of committed records sees."""
        bootstrap = self.stage.settings.kafka_bootstrap_servers
        return await read_all(bootstrap, self.out(replay_id), committed_only=True, within=120)

    async def letters(self, replay_id: str) -> list[ConsumerRecord]:
        """Dead letters that a reader of committed records sees."""
        bootstrap, topic = self.stage.settings.kafka_bootstrap_servers, self.out(replay_id)
        return await read_all(bootstrap, f"{topic}.dlq", committed_only=True, within=120)

    async def ends(self) -> dict[int, int]:
        """Ends of the leads topic."""
        settings = self.stage.settings
        return await read_ends(settings.kafka_bootstrap_servers, settings.leads_created)

    async def ids(self, model: Bundle) -> set[bytes]:
        """Event ids of all records of the leads topic, by its ends: none has expired."""
        ids = EventIds(self.stage.settings.leads_created, model.sha256)
        return {
            event_id
            for partition, end in (await self.ends()).items()
            for event_id in ids.of([partition] * end, range(end))
        }


async def ended(process: asyncio.subprocess.Process) -> Result:
    """Wait for the end of a replay."""
    return Result(*await command_process.ended(process))


def ids_of(records: Collection[ConsumerRecord]) -> Counter[bytes]:
    """Event ids of scored events, repeats counted."""
    return Counter(headers_of(record)["ce_id"] for record in records)


async def until_committed(replays: Replays, replay_id: str) -> None:
    """Wait until a replay has committed some progress."""
    settings = replays.stage.settings

    async def has_committed() -> bool:
        group = f"{settings.group_id}-replay-{replay_id}"
        try:
            found = await committed_offsets(
                settings.kafka_bootstrap_servers, group, settings.leads_created
            )
        except GroupCoordinatorNotAvailableError:  # the broker's first group
            return False
        return any(found.values())

    await until(has_committed, within=120, what=f"progress of {replay_id}")
