"""What a worker verifies before it starts: each failure is one clear sentence and exit code 3."""

from __future__ import annotations

import asyncio

from aiohttp import web

from model.bundle import Bundle, BundleError, load_bundle
from model.registry import Registry
from monitoring.telemetry.http import MonitoringServer
from schemas.avro_reader import mismatches
from schemas.errors import InputError, InvalidEventError, StartupError
from schemas.store import Schema, SchemaStore
from stream.kafka.topic_admin import verify_topics
from stream.monitor import verify_port_file
from stream.process.model_trial import Trials
from stream.settings import PREFIX, Settings

__all__ = ["verify", "verify_contract"]


async def verify(settings: Settings, trials: Trials) -> None:
    """Check schemas, the model's contract, Kafka with its topics and rights, and the address.

    A model that can't be loaded keeps no worker from starting, as it ends none that runs: the
    worker waits until it can be (``stream.scoring.model_loader``).

    Parameters
    ----------
    settings
        What is checked.
    trials
        Try the model, beside the other checks: it takes about as long as they do.

    Raises
    ------
    StartupError
        Something is not fit to start in: what, and what to do.
    """
    SchemaStore.load(*settings.schema_folders)
    model = asyncio.ensure_future(asyncio.to_thread(_verify_model, settings, trials))
    try:
        await verify_topics(settings)
        await _verify_address(settings)
        if settings.http_port_file is not None:
            verify_port_file(settings.http_port_file)
    except BaseException:
        trials.stop()
        await asyncio.gather(model, return_exceptions=True)
        raise
    await model


async def _verify_address(settings: Settings) -> None:
    """Listen for a moment, while a refusal is still a plain sentence."""
    async with MonitoringServer(
        web.Application(), host=settings.http_host, port=settings.http_port
    ):
        pass


def _verify_model(settings: Settings, trials: Trials) -> None:
    if settings.role == "drift":  # it reads the models that leads were scored with
        return
    try:
        bundle = load_bundle(Registry(settings.registry).resolve(settings.model), trials)
    except BundleError:
        return  # looked at again, counted and logged, once the worker runs
    verify_contract(bundle, settings)


def verify_contract(bundle: Bundle, settings: Settings) -> None:
    """Check that leads are promised to have the fields that a model reads.

    Raises
    ------
    StartupError
        They are not; or the contract that the settings name is not known.
    """
    contract = _contract(settings, bundle.metadata.contract)
    spec = bundle.metadata.spec
    try:
        contract = contract.with_names(spec.names)
    except InvalidEventError as error:
        raise StartupError(f"the contract {contract.full_name}: {error}") from None
    wrong = mismatches(contract, spec.kinds, spec.readings)
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
