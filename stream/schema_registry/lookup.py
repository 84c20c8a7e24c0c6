"""Looks up the ids of leads in the schema registry, and waits while it does not answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Literal, Protocol

from agents.records import SourceRecord
from schemas.errors import ErrorCode, FatalError, InvalidEventError
from schemas.registered import (
    VALUE_SCHEMA_ID,
    RegisteredSchemas,
    RegisteredText,
    header_of,
    header_of_id,
    in_words,
    meaning_of_text,
)
from schemas.store import Schema
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import Backoff
from stream.process.deadlines import now
from stream.schema_registry.disk_cache import DiskCache
from stream.schema_registry.registry import (
    NotRegisteredError,
    RegistryUnavailableError,
    SchemaRegistry,
)
from stream.settings import PREFIX

if TYPE_CHECKING:
    from monitoring.telemetry.schema_metrics import LookupResult

__all__ = ["LookupMetrics", "SchemaLookup", "Uncounted"]

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Most requests to the registry at the same time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two requests for the same id."""
ABSENT_ANSWERS = 3
"""Answers that there is no such id after which it is believed: a follower of the registry may not
have a schema yet that was just registered."""
ASK_AGAIN_AFTER = 60.0
"""Seconds after which an id that had no schema is asked for again."""


class LookupMetrics(Protocol):
    """Is called with what is looked up."""

    def requested(self, outcome: LookupResult) -> None:
        """Count a request to the registry."""

    def found_in_cache(self, ids: int) -> None:
        """Count the ids of a batch that are known."""

    def waiting(self, partitions: int) -> None:
        """Show how many partitions wait for a schema."""


class Uncounted:
    """Counts nothing: for commands without metrics."""

    def requested(self, outcome: LookupResult) -> None:
        """Ignore a request."""

    def found_in_cache(self, ids: int) -> None:
        """Ignore known ids."""

    def waiting(self, partitions: int) -> None:
        """Ignore waiting partitions."""


class SchemaLookup:
    """Knows the schemas of ids, or asks the registry for them.

    Parameters
    ----------
    registry
        Is asked.
    cache
        Keeps schemas between two starts; None: nothing does.
    wait_limit
        Seconds for which an id is asked for while the registry does not answer.
    unresolved
        What happens then: "dead_letter", leads with this id get the verdict SCHEMA_ID; or "stop".

    Attributes
    ----------
    registry
        As given.
    registered
        What is known.
    metrics
        Counts requests; set it before the first lookup.
    """

    def __init__(
        self,
        registry: SchemaRegistry,
        cache: DiskCache | None,
        *,
        wait_limit: float,
        unresolved: Literal["dead_letter", "stop"],
    ) -> None:
        self.registry = registry
        self.registered = RegisteredSchemas()
        self.metrics: LookupMetrics = Uncounted()
        self._cache = cache
        self._wait_limit = wait_limit
        self._stops = unresolved == "stop"
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._tasks = BackgroundTasks()
        self._asked: dict[bytes, asyncio.Task[None]] = {}
        for header, text in cache or ():
            self._add(header, text)

    def missing(self, records: Iterable[SourceRecord]) -> set[bytes]:
        """Return the ids of records that the registry must be asked for."""
        ids = _ids(records)
        if not ids:
            return ids
        time = now()
        missing = {header for header in ids if not self.registered.is_known(header, time)}
        self.metrics.found_in_cache(len(ids) - len(missing))
        return missing

    async def resolve(self, records: Iterable[SourceRecord]) -> None:
        """Return once the ids of records are known, or have a verdict.

        Raises
        ------
        FatalError
            The registry has no answer within the limit, and the worker is to stop then.
        """
        await self.look_up(self.missing(records))

    async def look_up(self, headers: Collection[bytes]) -> None:
        """Return once some ids are known, or have a verdict; see ``resolve``."""
        if headers:
            await asyncio.gather(*map(self._shared, headers))

    async def id_to_write(self, subject: str, schema: Schema, text: str) -> bool:
        """Look up the id under which a schema is registered, for writing.

        Returns
        -------
        bool
            Whether there is one.

        Raises
        ------
        RegistryUnavailableError
            The registry does not answer, and the id is not in the cache.
        """
        try:
            schema_id = await self.registry.id_of(subject, text)
        except RegistryUnavailableError:
            cache = self._cache
            schema_id = None if cache is None else cache.id_of(subject, schema.fingerprint)
            if schema_id is None:
                raise
        if schema_id is None:
            return False
        if self._cache is not None:
            self._cache.add_id(subject, schema.fingerprint, schema_id)
        self.registered.add_written(schema, header_of_id(schema_id))
        return True

    async def close(self) -> None:
        """End the requests under way, and close the connections."""
        await self._tasks.cancel()
        await self.registry.close()

    async def _shared(self, header: bytes) -> None:
        """Look up an id once, for all that wait for it."""
        task = self._asked.get(header)
        if task is None:
            task = self._asked[header] = self._tasks.start(self._look_up(header))
            task.add_done_callback(lambda _: self._asked.pop(header, None))
        await asyncio.shield(task)

    async def _look_up(self, header: bytes) -> None:
        by, backoff = now() + self._wait_limit, Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        absent, problem = 0, ""
        while absent < ABSENT_ANSWERS:
            try:
                await self._ask(header)
                return
            except NotRegisteredError as error:
                absent, problem = absent + 1, str(error)
            except RegistryUnavailableError as error:
                if str(error) != problem:
                    log.warning("%s is not known: %s; asking again", in_words(header), error)
                problem = str(error)
            pause = backoff.fail()
            if now() + pause >= by:
                break
            await asyncio.sleep(pause)
        self._give_up(header, problem)

    async def _ask(self, header: bytes) -> None:
        outcome: LookupResult = "failed"
        try:
            async with self._at_once:
                text = await self.registry.text_of(header)
            outcome = "answered"
        except NotRegisteredError:
            outcome = "not_found"
            raise
        finally:
            self.metrics.requested(outcome)
        if self._cache is not None:
            self._cache.add(header, text)
        self._add(header, text)

    def _add(self, header: bytes, text: RegisteredText) -> None:
        meaning = meaning_of_text(text, in_words(header))
        self.registered.add(header, meaning)
        if isinstance(meaning, InvalidEventError):
            log.error("%s", meaning.message)

    def _give_up(self, header: bytes, problem: str) -> None:
        sentence = f"expected the schema registry to have {in_words(header)}: {problem}"
        if self._stops:
            raise FatalError(
                f"{sentence}: register the schema or start the registry; with"
                f" {PREFIX}SCHEMA_REGISTRY_UNRESOLVED=dead_letter such leads become dead letters"
            )
        log.error("%s; its leads become dead letters", sentence)
        verdict = InvalidEventError(
            ErrorCode.SCHEMA_ID,
            f"{sentence}: register the schema or start the registry, then send the dead letters"
            " again with `leadscore dlq redrive`",
        )
        self.registered.add_unresolved(header, verdict, now() + ASK_AGAIN_AFTER)


def _ids(records: Iterable[SourceRecord]) -> set[bytes]:
    """Return the ids that records name, in their values or headers."""
    found = set()
    for record in records:
        value = record.value
        if not value or not value[:1]:
            continue
        header = None
        for name, given in record.headers:
            if name == VALUE_SCHEMA_ID and given:
                header = header_of(given) if header_of(given) == given else None
                break
        header = header or header_of(value)
        if header is not None:
            found.add(header)
    return found
