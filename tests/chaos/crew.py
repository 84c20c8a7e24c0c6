"""Workers and who looks after them: one that crashes is started again, as a supervisor would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from signal import Signals

from aiokafka.errors import KafkaError

from schemas.errors import LeadScoreError
from stream.demo.worker import WORKER
from stream.worker import EXIT_STARTUP
from testing.kafka_client import read_ends, until
from tests.integration.worker_process import Stage, WorkerProcess

BACK_WITHIN = 30.0
"""Seconds from a fault's end until every worker is ready, and what came until then is done."""
READY_WITHIN = 60.0
LOOK = 0.2
LAST_WORDS = 10_000
"""Characters."""


@dataclass
class Member:
    """One place in a crew, whichever process has it.

    Attributes
    ----------
    process
        The worker, or the one that was started in its place.
    environment
        Its settings beside those of its stage.
    command
        What starts it.
    """

    process: WorkerProcess
    environment: dict[str, str]
    command: Sequence[str] = WORKER

    async def is_ready(self) -> bool:
        answer = await asyncio.to_thread(self.process.ask, "/readyz")
        return answer is not None and answer[0] == HTTPStatus.OK


class Crew:
    """The workers of a stage that are meant to run.

    Attributes
    ----------
    ends
        The exit code and the last words of each worker that ended unasked.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.members: list[Member] = []
        self.ends: list[tuple[int, str]] = []

    async def join(self, command: Sequence[str] = WORKER, **environment: str) -> Member:
        """Start a worker and wait until it is ready."""
        member = Member(self.stage.begin(command, **environment), environment, command)
        self.members.append(member)
        await until(member.is_ready, within=READY_WITHIN, what="a worker ready")
        return member

    async def leave(self, member: Member) -> None:
        """Stop a worker in good order."""
        self.members.remove(member)
        await member.process.stop_cleanly()

    async def kill(self, member: Member) -> None:
        """Kill a worker; nobody starts it anew."""
        self.members.remove(member)
        member.process.send(Signals.SIGKILL)
        await member.process.ended()

    async def crash(self, member: Member) -> None:
        """Kill a worker; it is started again."""
        process = member.process
        process.send(Signals.SIGKILL)
        await process.ended()

    @property
    def crashes(self) -> list[str]:
        """The last words of those that crashed, rather than found no Kafka when they started."""
        return [words for code, words in self.ends if code != EXIT_STARTUP]

    async def watch(self) -> None:
        """Start anew who has ended, until cancelled."""
        while True:
            for member in self.members:
                if not member.process.is_running:
                    code = await member.process.ended()
                    self.ends.append((code, member.process.log.read_text()[-LAST_WORDS:]))
                    member.process = self.stage.begin(member.command, **member.environment)
            await asyncio.sleep(LOOK)

    async def back(self, within: float = BACK_WITHIN) -> float:
        """Wait until every worker is ready, and what is in the log now is done.

        Returns
        -------
        float
            Seconds that it took.
        """
        since = time.monotonic()
        settings = self.stage.settings
        ends: dict[int, int] = {}

        async def is_back() -> bool:
            try:
                if not ends:
                    found = await read_ends(
                        settings.kafka_bootstrap_servers, settings.leads_created
                    )
                    ends.update(found)
                committed = await self.stage.committed()
            except (KafkaError, LeadScoreError, TimeoutError):
                return False
            are_ready = [await member.is_ready() for member in self.members]
            return all(are_ready) and all(
                committed.get(partition, 0) >= end for partition, end in ends.items()
            )

        await until(is_back, within=within, what="every worker back at work")
        return time.monotonic() - since


@asynccontextmanager
async def crew_of(stage: Stage) -> AsyncIterator[Crew]:
    """Supervise workers while the body runs."""
    crew = Crew(stage)
    watching = asyncio.create_task(crew.watch())
    try:
        yield crew
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
