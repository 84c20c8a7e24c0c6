"""Stages of the sink `crm` for the conformance checks: a local server of each CRM."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from stream.settings import Settings, load_settings
from stream.sinks.crm import CrmSink, make_sink
from stream.sinks.sink import SinkRecord
from testing.crm_server import CLIENT, SECRET, CrmServer
from testing.dynamics_server import DynamicsServer
from testing.hubspot_server import HubSpotServer
from testing.salesforce_server import SalesforceServer
from testing.scored_events import SCORED_AT
from testing.sink_writer import record
from tests.sink_conformance import Row, Stage

__all__ = ["SERVERS", "CrmStage", "crm_settings", "sink_of", "with_client"]

SERVERS: Mapping[str, type[CrmServer]] = {
    "hubspot": HubSpotServer,
    "salesforce": SalesforceServer,
    "dynamics": DynamicsServer,
}


class CrmStage(Stage):
    """A CRM that keeps the latest score of each lead."""

    keeps_latest = True

    def __init__(self, name: str, server: CrmServer) -> None:
        self.server = server
        self.environment: Mapping[str, str] = {
            "LEADSCORE_SINK": "crm",
            "LEADSCORE_SINK_TO": name,
            "LEADSCORE_CRM_URL": server.url,
            "LEADSCORE_CRM_KEY": server.key,
            "LEADSCORE_CRM_TOKEN": "a-token",
            "LEADSCORE_CRM_REQUESTS_PER_SECOND": "1000",
        }

    def sink(self) -> CrmSink:
        return sink_of(self.environment["LEADSCORE_SINK_TO"], self.server)

    async def rows(self) -> list[Row]:
        score, order = map(self.server.property_of, ("score", "order"))
        return sorted(
            Row(lead_id, float(found[score]), int(found[order]) - SCORED_AT)
            for lead_id, found in self.server.records.items()
        )

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.server.is_unavailable = True
        try:
            yield
        finally:
            self.server.is_unavailable = False

    def refused(self, offset: int) -> SinkRecord:
        return replace(record(offset), event={**record(offset).event, "category": "Unheard of"})


def crm_settings(name: str, server: CrmServer, **given: Any) -> Settings:
    """Return the settings of a sink that writes to a server."""
    return load_settings(
        **{
            "sink": "crm",
            "sink_to": name,
            "crm_url": server.url,
            "crm_key": server.key,
            "crm_token": "a-token",
            "crm_requests_per_second": 1000,
            **given,
        }
    )


def sink_of(name: str, server: CrmServer, **given: Any) -> CrmSink:
    """Make a sink that writes to a server."""
    return make_sink(crm_settings(name, server, **given))


def with_client() -> dict[str, Any]:
    """Return settings of client credentials, instead of a token."""
    return {"crm_token": None, "crm_client_id": CLIENT, "crm_client_secret": SECRET}
