"""Start-up checks of a worker: a failure is one clear sentence and exit code 3."""

from __future__ import annotations

import asyncio

from aiohttp import web

from model.bundle import BundleError, load_bundle
from model.registry import Registry
from monitoring.telemetry.http import MonitoringServer
from schemas.store import Schema, SchemaStore
from stream.archive.open_archive import verify_archive
from stream.kafka.topic_admin import verify_topics
from stream.monitor import verify_port_file
from stream.outcomes.rocks_store import verify_store
from stream.process.model_trial import Trials
from stream.schema_registry.compatibility import verify_schemas
from stream.schema_registry.lookup import SchemaLookup
from stream.scoring.contract_check import contract_of, verify_contract
from stream.scoring.role_settings import scoring_settings
from stream.settings import Settings

__all__ = ["verify"]


async def verify(settings: Settings, trials: Trials, schemas: SchemaLookup | None = None) -> None:
    """Check schemas, the model's contract, Kafka with its topics and rights, and the address.

    A model that can't be loaded does not prevent the start, as it does not end a running worker:
    the worker waits until the model can be loaded (``stream.scoring.model_loader``).

    Parameters
    ----------
    settings
        The worker's settings.
    trials
        Runs the model's trial in parallel with the other checks.
    schemas
        Looks up ids in the schema registry; learns the id of scored events. None: no registry.

    Raises
    ------
    StartupError
        A check failed; the message has the remedy.
    """
    SchemaStore.load(*settings.schema_folders)
    scoring = scoring_settings(settings)
    model = asyncio.ensure_future(asyncio.to_thread(_verify_model, scoring, trials))
    try:
        await verify_topics(settings)
        if settings.role == "archive":
            await asyncio.to_thread(verify_archive, settings.archive)
        if settings.role == "outcomes":
            await asyncio.to_thread(verify_store, settings.outcome_store)
        await _verify_address(settings)
        if settings.http_port_file is not None:
            verify_port_file(settings.http_port_file)
    except BaseException:
        trials.stop()
        await asyncio.gather(model, return_exceptions=True)
        raise
    contract = await model
    if schemas is not None and settings.role != "sink":  # a sink only reads
        await verify_schemas(scoring, schemas, contract)


async def _verify_address(settings: Settings) -> None:
    """Check that the HTTP address is available by binding it briefly."""
    async with MonitoringServer(
        web.Application(), host=settings.http_host, port=settings.http_port
    ):
        pass


def _verify_model(settings: Settings, trials: Trials) -> Schema | None:
    """Return the leads' contract; None if the role needs none, or there is no model yet."""
    if not settings.is_scorer:  # drift loads the models that scored the leads
        return None
    try:
        bundle = load_bundle(Registry(settings.registry).resolve(settings.model), trials)
    except BundleError:
        return None  # retried, counted and logged once the worker runs
    verify_contract(bundle, settings)
    return contract_of(bundle, settings)
