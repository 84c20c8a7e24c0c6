"""What a worker verifies before it starts: each failure is one clear sentence and exit code 3."""

from __future__ import annotations

import asyncio

from aiohttp import web

from model.bundle import Bundle, load_bundle
from model.registry import ModelNotFoundError, Registry
from monitoring.http import MonitoringServer
from schemas.avro_reader import mismatches
from schemas.errors import InputError, StartupError
from schemas.store import Schema, SchemaStore
from stream.settings import PREFIX, Settings
from stream.topics import verify_topics

__all__ = ["verify", "verify_contract"]


async def verify(settings: Settings) -> None:
    """Check the schemas, the model, the topics on the broker, and the address to listen on.

    Raises
    ------
    StartupError
        Something is not fit to start in: what, and what to do.
    BundleError
        The model must not be used.
    """
    SchemaStore.load(*settings.schema_folders)
    await asyncio.to_thread(_verify_model, settings)
    await verify_topics(settings)
    await _verify_address(settings)


async def _verify_address(settings: Settings) -> None:
    """Listen for a moment, while a refusal is still a plain sentence."""
    async with MonitoringServer(
        web.Application(), host=settings.http_host, port=settings.http_port
    ):
        pass


def _verify_model(settings: Settings) -> None:
    """Check a model that there is; the worker waits for one that there is not yet."""
    try:
        location = Registry(settings.registry).resolve(settings.model)
    except ModelNotFoundError:
        return
    verify_contract(load_bundle(location), settings)


def verify_contract(bundle: Bundle, settings: Settings) -> None:
    """Check that leads are promised to have the fields that a model reads.

    Raises
    ------
    StartupError
        They are not; or the contract that the settings name is not known.
    """
    contract = _contract(settings, bundle.metadata.contract)
    wrong = mismatches(contract, bundle.metadata.spec.kinds)
    if wrong:
        raise StartupError(
            f"model {bundle.name}/{bundle.version} reads fields that the contract"
            f" {contract.full_name} does not promise: {'; '.join(wrong)}: train the model with"
            f" --schema, or name another contract in {PREFIX}CONTRACT"
        )


def _contract(settings: Settings, own: object) -> Schema:
    store = SchemaStore.load(*settings.schema_folders)
    try:
        schema = store.add(own, "the model's contract")
        if settings.contract is not None:
            named = store.by_name(settings.contract)
            if named is None:
                known = ", ".join(sorted(schema.name for schema in store.lead_contracts()))
                raise StartupError(
                    f"{PREFIX}CONTRACT names {settings.contract}, which is not known here (known:"
                    f" {known}): put its .avsc file into the folder that {PREFIX}SCHEMA_DIR names"
                )
            schema = named
        schema.require_lead()
    except InputError as error:
        raise StartupError(str(error)) from None
    return schema
