"""The lookup of schemas that the settings ask for: for a worker, and for commands."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from schemas.registered import Meaning, RegisteredSchemas
from stream.schema_registry.confluent_client import open_schema_registry
from stream.schema_registry.disk_cache import DiskCache
from stream.schema_registry.lookup import SchemaLookup
from stream.settings import Settings

__all__ = ["AskedSchemas", "asked_schemas", "open_lookup", "with_own_framing"]


def open_lookup(settings: Settings) -> SchemaLookup | None:
    """Return the lookup of schemas in the settings' registry; None if they name none.

    Raises
    ------
    StartupError
        The registry's client is not installed, or a setting is of no use to it.
    """
    registry = open_schema_registry(settings)
    if registry is None or settings.schema_registry_url is None:
        return None
    folder = settings.schema_registry_cache
    return SchemaLookup(
        registry,
        DiskCache(folder, settings.schema_registry_url) if folder is not None else None,
        wait_limit=settings.schema_registry_wait_seconds,
        unresolved=settings.schema_registry_unresolved,
    )


class AskedSchemas(RegisteredSchemas):
    """Schemas that are asked for when a lead needs one: for commands, which may block.

    Parameters
    ----------
    settings
        The registry, and how long it is waited for.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def get(self, header: bytes) -> Meaning | None:
        """Return what an id stands for; ask the registry the first time, and wait."""
        known = super().get(header)
        if known is None:
            with ThreadPoolExecutor(1) as thread:  # the caller's thread may run an event loop
                thread.submit(asyncio.run, self._ask(header)).result()
            known = super().get(header)
        return known

    async def _ask(self, header: bytes) -> None:
        lookup = open_lookup(self._settings)
        assert lookup is not None
        lookup.registered = self
        try:
            await lookup.look_up([header])
        finally:
            await lookup.close()


def asked_schemas(settings: Settings) -> AskedSchemas | None:
    """Return the schemas of the settings' registry for a command; None if they name none."""
    return None if settings.schema_registry_url is None else AskedSchemas(settings)


def with_own_framing(settings: Settings) -> Settings:
    """Return the settings for a command that scores and sends nothing: its events need no id."""
    if settings.output_format != "confluent":
        return settings
    return settings.model_copy(update={"output_format": "avro"})
