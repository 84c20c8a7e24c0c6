"""The routes of the receiver of webhooks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from monitoring.telemetry.health import Health
from stream.hooks.delivery import Delivered, Delivery
from stream.hooks.generic import read_generic
from stream.hooks.hubspot import HubSpotWebhooks
from stream.hooks.salesforce import ACKNOWLEDGEMENT, SalesforceWebhooks
from stream.hooks.signatures import verify_hubspot, verify_standard
from stream.rest.problems import answer_problems, json_response

__all__ = ["HubSpotSource", "Receiver", "make_app"]


@dataclass(frozen=True, slots=True)
class HubSpotSource:
    """How HubSpot's webhooks are verified and read.

    Attributes
    ----------
    secret
        Client secret of the app.
    url
        Address of the server as HubSpot calls it, without a path.
    webhooks
        Reads them.
    """

    secret: bytes
    url: str
    webhooks: HubSpotWebhooks


@dataclass(frozen=True, slots=True)
class Receiver:
    """The parts that the routes call; a sender that is None has no route.

    Attributes
    ----------
    delivery
        Writes leads.
    hubspot, salesforce, generic_key
        The senders; the key is that of Standard Webhooks.
    health, registry
        What health and metrics show.
    now
        Returns seconds since 1970.
    """

    delivery: Delivery
    hubspot: HubSpotSource | None
    salesforce: SalesforceWebhooks | None
    generic_key: bytes | None
    health: Health
    registry: CollectorRegistry
    now: Callable[[], float] = time.time


def make_app(receiver: Receiver) -> FastAPI:
    """Return the application of a receiver."""
    # No pages of documentation: senders are set up by docs/crm.md, and the server is public.
    app = FastAPI(title="LeadScore webhooks", openapi_url=None)
    app.include_router(_senders(receiver))
    app.include_router(_about(receiver))
    answer_problems(app, _unknown)
    return app


def _senders(receiver: Receiver) -> APIRouter:
    router = APIRouter()

    if (hubspot := receiver.hubspot) is not None:

        @router.post("/hooks/hubspot")
        async def of_hubspot(request: Request) -> Response:
            body = await request.body()
            url = hubspot.url + request.url.path
            if request.url.query:
                url += f"?{request.url.query}"
            verify_hubspot(hubspot.secret, "POST", url, request.headers, body, receiver.now())
            webhooks = await hubspot.webhooks.read(body)
            return _accepted(await receiver.delivery.deliver("hubspot", webhooks))

    if (salesforce := receiver.salesforce) is not None:

        @router.post("/hooks/salesforce")
        async def of_salesforce(request: Request) -> Response:
            webhooks = salesforce.read(request.query_params, await request.body())
            await receiver.delivery.deliver("salesforce", webhooks)
            return Response(ACKNOWLEDGEMENT, media_type="text/xml")

    if (key := receiver.generic_key) is not None:

        @router.post("/hooks/generic")
        async def of_any_other(request: Request) -> Response:
            body = await request.body()
            webhook_id = verify_standard(key, request.headers, body, receiver.now())
            webhooks = read_generic(webhook_id, body)
            return _accepted(await receiver.delivery.deliver("generic", webhooks))

    return router


def _about(receiver: Receiver) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> Response:
        is_alive, detail = receiver.health.alive(time.monotonic())
        return json_response(detail, 200 if is_alive else 503)

    @router.get("/readyz")
    async def readyz() -> Response:
        is_ready, detail = receiver.health.ready()
        return json_response(detail, 200 if is_ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(receiver.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def _accepted(found: Delivered) -> Response:
    return json_response(found._asdict())


def _unknown(detail: str) -> str:
    return f"expected POST to the path of a sender that is set (docs/crm.md), but: {detail}"
