"""The workers of the demo's second act, and the wait for their results."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import orjson

from schemas.errors import FatalError
from stream.demo.worker import DemoWorker

__all__ = ["ROLES", "Chain", "StoppedError"]

ROLES = ("trainer", "shadow", "rollout")
LOOK = 0.25
"""Seconds between two looks."""
LONGEST = 300
"""Characters of a log message that are shown."""

Found = TypeVar("Found")


class StoppedError(Exception):
    """The demo was stopped by a signal."""


class Chain:
    """Workers that bring a candidate into production: trainer, shadow and rollout.

    Parameters
    ----------
    environment
        Environment variables of the demo's worker.
    folder
        Folder of their logs.
    scorer
        The worker that scores.
    stop
        Set when the demo is to stop.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        scorer: DemoWorker,
        stop: asyncio.Event,
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._scorer = scorer
        self._stop = stop
        self._workers: list[DemoWorker] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the workers while the body runs."""
        try:
            for role in ROLES:
                environment = {**self._environment, "LEADSCORE_ROLE": role}
                self._workers.append(DemoWorker(environment, self._folder, name=role))
            yield
        finally:
            for worker in self._workers:
                worker.end()

    async def until(
        self, by: str, what: str, find: Callable[[], Awaitable[Found | None]], within: float
    ) -> Found:
        """Look for a result again and again, and return it.

        Parameters
        ----------
        by, what
            The role whose result it is, and the result, for an error.
        find
            Returns it, or None while there is none.
        within
            Seconds.

        Raises
        ------
        FatalError
            A worker ended, or there is no result in time.
        StoppedError
            The demo is to stop.
        """
        deadline = time.monotonic() + within
        while (found := await find()) is None:
            self._check()
            if time.monotonic() > deadline:
                log = self._workers[ROLES.index(by)].log
                said = _last_message(log)
                raise FatalError(
                    f"expected {what} by the role {by} within {within:.0f} s, but there is none:"
                    f" its log, {log}, ends with: {said}"
                )
            await asyncio.sleep(LOOK)
        return found

    def _check(self) -> None:
        if self._stop.is_set():
            raise StoppedError
        workers: Sequence[DemoWorker] = (self._scorer, *self._workers)
        for worker in workers:
            worker.check()


def _last_message(log: Path) -> str:
    """Return the message of the last line of a log of JSON lines."""
    for line in reversed(log.read_text(errors="replace").splitlines()):
        with suppress(ValueError, KeyError, TypeError):
            return str(orjson.loads(line)["message"])[:LONGEST]
    return "nothing"
