"""What a worker verifies before it starts: each failure is one clear sentence and exit code 3."""

from __future__ import annotations

import asyncio

from aiohttp import web

from model.bundle import BundleError, load_bundle
from model.registry import Registry
from monitoring.telemetry.http import MonitoringServer
from schemas.store import SchemaStore
from stream.kafka.topic_admin import verify_topics
from stream.monitor import verify_port_file
from stream.process.model_trial import Trials
from stream.scoring.contract_check import verify_contract
from stream.settings import Settings

__all__ = ["verify"]


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
