"""Webhooks of HubSpot: which contacts were created or changed, and their fields by the API.

An event has the id of a contact and one changed property, no whole contact. So the contacts of a
request are fetched together, as they are now: events that come late or out of order do no harm.

From HubSpot's documentation (developers.hubspot.com/docs/api/webhooks): a request has up to 100
events with ``eventId`` (which is not guaranteed to be unique), ``subscriptionType``, ``objectId``
and ``occurredAt``; an answer that takes too long, or is no success, is repeated up to ten times in
24 hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.errors import FatalError
from stream.crm.account import CrmAccount, CrmUnavailableError
from stream.crm.hubspot import RECORD_ID
from stream.hooks.contact_fields import ContactFields
from stream.hooks.webhook import Webhook
from stream.rest.problems import Problem

__all__ = ["HubSpotWebhooks"]

CONTACT_EVENTS = frozenset({"contact.creation", "contact.propertyChange", "contact.restore"})
OBJECT_EVENTS = frozenset({"object.creation", "object.propertyChange", "object.restore"})
CONTACT_TYPE = "0-1"
"""HubSpot's id of the object type contact, in events of any object type."""
MOST_EVENTS = 1000


class HubSpotWebhooks:
    """Reads the leads of a request.

    Parameters
    ----------
    account
        Contacts by HubSpot's own id.
    fields
        Maps their properties.
    key
        Property with ``lead_id``.
    """

    def __init__(self, account: CrmAccount, fields: ContactFields, key: str) -> None:
        self._account = account
        self._fields = fields
        self._key = key

    async def read(self, body: bytes) -> list[Webhook]:
        """Return the webhooks of a request, one for each event.

        Events of the same contact give one lead, with the last of them. Events of other objects, of
        contacts that HubSpot no longer has, or of contacts without an id in the key give none.

        Raises
        ------
        Problem
            422: the body is no list of events; 503: HubSpot does not give the contacts.
        """
        contact_of: dict[str, str] = {}
        others: list[Webhook] = []
        for event in _events(body):
            if _is_of_contact(event):
                contact_of[str(event["objectId"])] = str(event.get("eventId", ""))
            else:
                others.append(Webhook("", None))
        found = await self._contacts(list(contact_of))
        return others + [
            Webhook(event_id, self._lead(contact, found.get(contact)))
            for contact, event_id in contact_of.items()
        ]

    async def close(self) -> None:
        """Close the connections to HubSpot."""
        await self._account.close()

    async def _contacts(self, ids: list[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        names = (*self._fields.names, self._key)
        try:
            for start in range(0, len(ids), self._account.most_records):
                some = ids[start : start + self._account.most_records]
                found |= await self._account.read(some, names)
        except (CrmUnavailableError, FatalError) as error:
            raise Problem(
                503,
                "CRM_UNAVAILABLE",
                f"expected HubSpot to give the contacts of the events, but {error}",
                {"Retry-After": "10"},
            ) from None
        return found

    def _lead(self, contact: str, found: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if found is None:
            return None
        lead_id = contact if self._key == RECORD_ID else found.get(self._key)
        if not lead_id:
            return None
        lead = {"lead_id": lead_id, "source_system": "hubspot", **self._fields.of(found)}
        created_at = found.get("createdAt")
        return lead if created_at is None else {**lead, "created_at": created_at}


def _events(body: bytes) -> list[dict[str, Any]]:
    try:
        events = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            422, "DECODE", f"expected the body to be JSON, but at byte {error.pos}: {error.msg}"
        ) from None
    if not isinstance(events, list) or not all(isinstance(each, dict) for each in events):
        raise Problem(422, "VALIDATION", "expected a list of HubSpot's events")
    if len(events) > MOST_EVENTS:
        raise Problem(413, "TOO_MANY_LEADS", f"expected at most {MOST_EVENTS:,} events")
    return events


def _is_of_contact(event: Mapping[str, Any]) -> bool:
    kind = event.get("subscriptionType")
    is_contact = kind in CONTACT_EVENTS or (
        kind in OBJECT_EVENTS and event.get("objectTypeId") == CONTACT_TYPE
    )
    return is_contact and isinstance(event.get("objectId"), int | str)
