"""Webhooks of HubSpot: contacts are fetched together, as they are now."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stream.crm.accounts import make_account
from stream.hooks.contact_fields import ContactFields
from stream.hooks.hubspot import HubSpotWebhooks
from stream.hooks.webhook import Webhook
from stream.rest.problems import Problem
from testing.hubspot_server import HubSpotServer
from testing.schemas import packaged_schema
from testing.webhook_requests import contact_events
from tests.crm_stage import crm_settings

LEAD = packaged_schema("lead_created")
FIELDS = ContactFields({"company_size": "numberofemployees"}, LEAD)
CREATED = "2026-09-21T14:13:20.000Z"


@pytest.fixture
async def server() -> AsyncIterator[HubSpotServer]:
    server = HubSpotServer()
    async with server.running():
        yield server


@pytest.fixture
async def webhooks(server: HubSpotServer) -> AsyncIterator[HubSpotWebhooks]:
    webhooks = webhooks_of(server, "hs_object_id")
    yield webhooks
    await webhooks.close()


def webhooks_of(server: HubSpotServer, key: str) -> HubSpotWebhooks:
    settings = crm_settings("hubspot", server, crm_key="hs_object_id")
    return HubSpotWebhooks(make_account("hubspot", settings), FIELDS, key)


def lead_of(contact: str, size: float | None) -> dict[str, object]:
    return {
        "lead_id": contact,
        "source_system": "hubspot",
        "company_size": size,
        "created_at": CREATED,
    }


async def test_contacts_are_fetched_in_batches(
    server: HubSpotServer, webhooks: HubSpotWebhooks
) -> None:
    server.contacts = {str(at): {"numberofemployees": str(at)} for at in range(150)}
    found = await webhooks.read(contact_events(*map(str, range(150))))
    assert found == [Webhook(str(at + 1), lead_of(str(at), float(at))) for at in range(150)]
    assert len(server.requests) == 2


async def test_events_of_a_contact_give_one_lead(
    server: HubSpotServer, webhooks: HubSpotWebhooks
) -> None:
    server.contacts = {"7": {}}
    found = await webhooks.read(contact_events("7", "7", "7"))
    assert found == [Webhook("3", lead_of("7", None))]


async def test_other_events_and_deleted_contacts_give_no_lead(
    server: HubSpotServer, webhooks: HubSpotWebhooks
) -> None:
    server.contacts = {"7": {}}
    deleted = await webhooks.read(contact_events("8"))
    assert [each.lead for each in deleted] == [None]
    for other in (
        {"subscriptionType": "contact.deletion"},
        {"subscriptionType": "object.creation", "objectTypeId": "0-2"},
        {"objectId": None},
    ):
        assert await webhooks.read(contact_events("7", **other)) == [Webhook("", None)]
    of_any_object = {"subscriptionType": "object.creation", "objectTypeId": "0-1"}
    [webhook] = await webhooks.read(contact_events("7", **of_any_object))
    assert webhook.lead is not None


async def test_a_property_can_hold_the_id_of_the_lead(server: HubSpotServer) -> None:
    server.contacts = {"7": {"our_id": "L-7"}, "8": {}}
    webhooks = webhooks_of(server, "our_id")
    found = await webhooks.read(contact_events("7", "8"))
    assert [each.lead and each.lead["lead_id"] for each in found] == ["L-7", None]
    await webhooks.close()


async def test_without_hubspots_answer_the_request_is_to_be_repeated(
    server: HubSpotServer, webhooks: HubSpotWebhooks
) -> None:
    server.is_unavailable = True
    with pytest.raises(Problem, match="give the contacts") as raised:
        await webhooks.read(contact_events("7"))
    assert raised.value.status == 503
    server.is_unavailable, server.tokens = False, set()
    with pytest.raises(Problem) as raised:
        await webhooks.read(contact_events("7"))
    assert raised.value.status == 503


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[", "DECODE"),
        (b"{}", "VALIDATION"),
        (b"[1]", "VALIDATION"),
        (b"[" + b"{}," * 1000 + b"{}]", "TOO_MANY_LEADS"),
    ],
)
async def test_another_body_is_refused(webhooks: HubSpotWebhooks, body: bytes, code: str) -> None:
    with pytest.raises(Problem, match="expected") as raised:
        await webhooks.read(body)
    assert raised.value.code == code
