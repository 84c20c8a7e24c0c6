"""The receiver of webhooks as a process: HTTP server, Kafka, and the API of HubSpot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import SecretStr
from starlette.types import ASGIApp

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.hook_metrics import HookMetrics
from monitoring.telemetry.metrics import worker_registry
from schemas.errors import StartupError
from schemas.store import SchemaStore
from stream.crm import hubspot as hubspot_api
from stream.crm import salesforce as salesforce_api
from stream.crm.accounts import make_account
from stream.hooks.app import HubSpotSource, Receiver, make_app
from stream.hooks.contact_fields import ContactFields
from stream.hooks.delivery import Delivery
from stream.hooks.hubspot import HubSpotWebhooks
from stream.hooks.salesforce import SalesforceWebhooks
from stream.hooks.signatures import standard_key
from stream.kafka.access import Use
from stream.kafka.probe import BrokerProbe
from stream.process.heartbeat import beat
from stream.rest.http_server import serve_until
from stream.rest.lead_writer import OpenProducer, make_lead_writer
from stream.rest.middleware import MiddlewareOptions, RestMiddleware
from stream.rest.rate_limit import RateLimit
from stream.settings import PREFIX, Settings

__all__ = ["HookServer"]


class HookServer:
    """The receiver of webhooks of a process.

    Parameters
    ----------
    settings
        Address, senders and Kafka.
    open_producer
        Opens a producer; None: one of aiokafka.
    ask
        Returns why Kafka does not answer; None: a probe of the broker is asked.

    Raises
    ------
    StartupError
        No sender is set, or a setting of one is missing.

    Attributes
    ----------
    asgi
        The whole application.
    writer
        Writes leads; to be run beside it: ``run`` does.
    """

    def __init__(
        self,
        settings: Settings,
        open_producer: OpenProducer | None = None,
        ask: Callable[[], Awaitable[str | None]] | None = None,
    ) -> None:
        self._settings = settings
        registry = worker_registry()
        self._health = Health(time.monotonic(), conditions=[Condition.BROKER_REACHED])
        self._probe = BrokerProbe(settings.kafka_client_options())
        self.writer = make_lead_writer(
            settings,
            Use.PRODUCE,
            ask or self._probe.ask,
            self._health,
            open_producer=open_producer,
        )
        self._hubspot = _hubspot(settings)
        salesforce = _salesforce(settings)
        generic_key = _generic_key(settings)
        sources = _sources(hubspot=self._hubspot, salesforce=salesforce, generic=generic_key)
        metrics = HookMetrics(registry, sources)
        receiver = Receiver(
            delivery=Delivery(self.writer, metrics, lambda: time.time_ns() // 1_000_000),
            hubspot=self._hubspot,
            salesforce=salesforce,
            generic_key=generic_key,
            health=self._health,
            registry=registry,
        )
        options = MiddlewareOptions(
            token=None,  # each sender has a signature or secret of its own
            rate=RateLimit(settings.rest_rate_limit, is_enforced=True),
            body_bytes=settings.rest_max_body_bytes,
            seconds=settings.rest_timeout_seconds,
            needs_certificate=settings.rest_client_cafile is not None,
        )
        self.asgi: ASGIApp = RestMiddleware(make_app(receiver), options, metrics)

    async def run(self, stop: asyncio.Event) -> None:
        """Receive webhooks until the event is set.

        Raises
        ------
        StartupError
            The address is not available, or a certificate can't be read.
        """
        try:
            await serve_until(
                *(stop, self.asgi, self._settings),
                [self.writer.run, partial(beat, self._health)],
            )
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connections to Kafka and to HubSpot."""
        await self.writer.close()
        await self._probe.close()
        if self._hubspot is not None:
            await self._hubspot.webhooks.close()


def _sources(**senders: object | None) -> tuple[str, ...]:
    """Return the names of the senders that are set; at least one is expected."""
    sources = tuple(name for name, sender in senders.items() if sender is not None)
    if not sources:
        raise StartupError(
            f"expected a sender of webhooks: set {PREFIX}HOOKS_HUBSPOT_SECRET,"
            f" {PREFIX}HOOKS_SALESFORCE_ORG or {PREFIX}HOOKS_SECRET (docs/crm.md)"
        )
    return sources


def _hubspot(settings: Settings) -> HubSpotSource | None:
    if settings.hooks_hubspot_secret is None:
        return None
    if settings.hooks_url is None:
        raise StartupError(
            f"expected the address that HubSpot calls, as it signs it: set {PREFIX}HOOKS_URL to"
            " https:// and the host, without a path"
        )
    # A webhook names a contact by HubSpot's own id, whatever holds lead_id.
    by_record_id = settings.model_copy(update={"crm_key": hubspot_api.RECORD_ID})
    webhooks = HubSpotWebhooks(
        make_account("hubspot", by_record_id),
        _fields(settings),
        settings.crm_key or hubspot_api.RECORD_ID,
    )
    secret = settings.hooks_hubspot_secret.get_secret_value().encode()
    return HubSpotSource(secret, settings.hooks_url.rstrip("/"), webhooks)


def _salesforce(settings: Settings) -> SalesforceWebhooks | None:
    if settings.hooks_salesforce_org is None:
        return None
    secret = settings.hooks_salesforce_secret
    if secret is None and settings.rest_client_cafile is None:
        raise StartupError(
            f"expected {PREFIX}HOOKS_SALESFORCE_SECRET, or {PREFIX}REST_CLIENT_CAFILE with the CA"
            " of Salesforce's client certificate: Salesforce signs no message, and the id of an org"
            " is no secret"
        )
    return SalesforceWebhooks(
        settings.hooks_salesforce_org,
        _text(secret),
        _fields(settings),
        settings.crm_key or salesforce_api.RECORD_ID,
    )


def _generic_key(settings: Settings) -> bytes | None:
    secret = _text(settings.hooks_secret)
    if secret is None:
        return None
    try:
        return standard_key(secret)
    except ValueError as error:
        raise StartupError(f"{PREFIX}HOOKS_SECRET: {error}") from None


def _fields(settings: Settings) -> ContactFields:
    if not settings.hooks_fields:
        raise StartupError(
            f"expected the fields of a lead that webhooks fill in: set {PREFIX}HOOKS_FIELDS to"
            " FIELD=PROPERTY, several separated by commas, with the fields that the model reads"
        )
    contract = SchemaStore.load(*settings.schema_folders).by_name(
        settings.contract or "lead_created"
    )
    if contract is None:
        raise StartupError(
            f"expected a schema with the name {settings.contract} ({PREFIX}CONTRACT): set"
            f" {PREFIX}SCHEMA_DIR to the folder that has it"
        )
    return ContactFields(settings.hooks_fields, contract)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
