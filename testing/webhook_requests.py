"""Requests of webhooks as their senders make them, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import orjson

__all__ = [
    "GENERIC_SECRET",
    "HUBSPOT_SECRET",
    "contact_events",
    "hubspot_headers",
    "outbound_message",
    "standard_headers",
]

HUBSPOT_SECRET = "client-secret-of-an-app"
GENERIC_KEY = b"0123456789abcdef01234567"
GENERIC_SECRET = "whsec_" + base64.b64encode(GENERIC_KEY).decode()


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def hubspot_headers(url: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers of HubSpot's signature v3."""
    stamp = str(round(now * 1000))
    signed = b"POST" + url.encode() + body + stamp.encode()
    return {
        "X-HubSpot-Request-Timestamp": stamp,
        "X-HubSpot-Signature-v3": _signature(HUBSPOT_SECRET.encode(), signed),
    }


def standard_headers(webhook_id: str, body: bytes, now: float) -> dict[str, str]:
    """Return the headers of Standard Webhooks."""
    stamp = str(round(now))
    signed = f"{webhook_id}.{stamp}.".encode() + body
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_signature(GENERIC_KEY, signed)}",
    }


def contact_events(*contacts: str, **fields: Any) -> bytes:
    """Return the body of a request of HubSpot: an event of each contact."""
    return orjson.dumps(
        [
            {
                "eventId": 1 + at,
                "subscriptionId": 12,
                "portalId": 33,
                "appId": 1160452,
                "occurredAt": 1_790_000_000_000,
                "subscriptionType": "contact.creation",
                "attemptNumber": 0,
                "objectId": int(contact),
                "changeFlag": "CREATED",
                "changeSource": "CRM",
                **fields,
            }
            for at, contact in enumerate(contacts)
        ]
    )


def outbound_message(org: str, *records: dict[str, str]) -> bytes:
    """Return an outbound message of Salesforce with a notification of each record."""
    notifications = "".join(
        f"<Notification><Id>04l0000000{at}</Id>"
        '<sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        + "".join(f"<sf:{name}>{value}</sf:{name}>" for name, value in record.items())
        + "</sObject></Notification>"
        for at, record in enumerate(records)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>04k1</ActionId>"
        '<SessionId xsi:nil="true"/><EnterpriseUrl>https://a</EnterpriseUrl>'
        f"<PartnerUrl>https://b</PartnerUrl>{notifications}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()
