"""Outbound messages of Salesforce: SOAP requests with the fields of leads.

Salesforce signs no webhook. From its documentation (SOAP API Developer Guide, "Outbound Messaging",
developer.salesforce.com): a message has up to 100 notifications, each with an id and the selected
fields of a record; it may be delivered more than once and out of order, and it is repeated for up
to 24 hours unless the answer acknowledges it. "Considerations for Security" asks the listener to
check the id of the organization in each message, and, as any org may send to any address, to accept
requests from Salesforce alone: by its client certificate or its addresses. The id of an org is no
secret. So LeadScore asks for a secret in the address, or for a client certificate, too.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from stream.hooks.contact_fields import ContactFields
from stream.hooks.webhook import Webhook
from stream.rest.problems import Problem

__all__ = ["ACKNOWLEDGEMENT", "SalesforceWebhooks"]

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
ACKNOWLEDGEMENT = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
"""Answer to a message that need not be repeated."""
LETTERS_OF_ID = 15
"""Characters of an id that differ from org to org; the other three are a checksum of their case."""


class SalesforceWebhooks:
    """Reads the leads of an outbound message.

    Parameters
    ----------
    org
        Id of the org, 15 or 18 characters.
    secret
        Secret that the address must have; None: the server asks for client certificates.
    fields
        Maps fields of the record.
    key
        Field with ``lead_id``.
    """

    def __init__(self, org: str, secret: str | None, fields: ContactFields, key: str) -> None:
        self._org = org[:LETTERS_OF_ID]
        self._secret = secret
        self._fields = fields
        self._key = key

    def read(self, query: Mapping[str, str], body: bytes) -> list[Webhook]:
        """Return the webhooks of a message, one for each notification.

        Raises
        ------
        Problem
            401: secret or org are wrong; 422: the body is no outbound message, or a record has no
            id in the key.
        """
        if self._secret is not None and not hmac.compare_digest(
            query.get("secret", "").encode(), self._secret.encode()
        ):
            raise Problem(401, "SIGNATURE", "expected the secret in the address: ?secret=SECRET")
        message = _message(body)
        org = message.findtext(f"{OUTBOUND}OrganizationId") or ""
        if org[:LETTERS_OF_ID] != self._org:
            raise Problem(
                401, "ORGANIZATION", "expected a message of the Salesforce org that is set"
            )
        return [self._webhook(each) for each in message.findall(f"{OUTBOUND}Notification")]

    def _webhook(self, notification: Element) -> Webhook:
        record = notification.find(f"{OUTBOUND}sObject")
        values: dict[str, Any] = {
            field.tag.rpartition("}")[2]: field.text for field in (() if record is None else record)
        }
        lead_id = values.get(self._key)
        if not lead_id:
            raise Problem(
                422,
                "VALIDATION",
                f"expected the field {self._key} in each record: select it in the outbound message",
            )
        lead = {"lead_id": lead_id, "source_system": "salesforce", **self._fields.of(values)}
        if values.get("CreatedDate"):
            lead["created_at"] = values["CreatedDate"]
        return Webhook(notification.findtext(f"{OUTBOUND}Id") or "", lead)


def _message(body: bytes) -> Element:
    """Parse a SOAP envelope: UTF-8, without a document type, so without entities."""
    try:
        text = body.decode()
        if "<!" in text.replace("<![CDATA[", ""):
            raise ValueError("a document type or comment")
        found = ElementTree.fromstring(text.encode()).find(f".//{OUTBOUND}notifications")
    except (ValueError, ElementTree.ParseError):
        found = None
    if found is None:
        raise Problem(
            422, "DECODE", "expected an outbound message of Salesforce: a SOAP envelope in UTF-8"
        )
    return found
