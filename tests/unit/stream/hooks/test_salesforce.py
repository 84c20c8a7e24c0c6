"""Outbound messages of Salesforce: who may send them, and the leads in them."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

import pytest

from stream.hooks.contact_fields import ContactFields
from stream.hooks.salesforce import ACKNOWLEDGEMENT, SalesforceWebhooks
from stream.hooks.webhook import Webhook
from stream.rest.problems import Problem
from testing.schemas import packaged_schema
from testing.webhook_requests import outbound_message

ORG = "00D5g0000012AbCEAU"
SECRET = {"secret": "a-long-secret-of-a-url"}
LEAD = packaged_schema("lead_created")
FIELDS = ContactFields({"company_size": "NumberOfEmployees", "industry": "Industry"}, LEAD)
WEBHOOKS = SalesforceWebhooks(ORG, SECRET["secret"], FIELDS, "Id")


def test_each_notification_is_a_lead() -> None:
    body = outbound_message(
        ORG[:15],
        {"Id": "00Q1", "NumberOfEmployees": "40", "CreatedDate": "2026-09-21T14:13:20.000Z"},
        {"Id": "00Q2", "Industry": "R&amp;D"},
    )
    first, second = WEBHOOKS.read(SECRET, body)
    assert first == Webhook(
        "04l00000000",
        {
            "lead_id": "00Q1",
            "source_system": "salesforce",
            "company_size": 40.0,
            "industry": None,
            "created_at": "2026-09-21T14:13:20.000Z",
        },
    )
    assert second.lead is not None
    assert second.lead["industry"] == "R&D"
    assert "created_at" not in second.lead


@pytest.mark.parametrize("query", [{}, {"secret": "another"}, {"secret": "é"}])
def test_a_message_without_the_secret_is_refused(query: Mapping[str, str]) -> None:
    with pytest.raises(Problem) as raised:
        WEBHOOKS.read(query, outbound_message(ORG, {"Id": "1"}))
    assert (raised.value.status, raised.value.code) == (401, "SIGNATURE")


def test_a_message_of_another_org_is_refused() -> None:
    for webhooks in (WEBHOOKS, SalesforceWebhooks(ORG, None, FIELDS, "Id")):
        with pytest.raises(Problem) as raised:
            webhooks.read(SECRET, outbound_message("00D5g0000012AbDEAU", {"Id": "1"}))
        assert (raised.value.status, raised.value.code) == (401, "ORGANIZATION")


def test_a_record_without_the_key_is_refused() -> None:
    with pytest.raises(Problem, match="select it in the outbound message") as raised:
        WEBHOOKS.read(SECRET, outbound_message(ORG, {"Industry": "a"}))
    assert raised.value.status == 422


MESSAGE = outbound_message(ORG, {"Id": "1"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<a/>",
        MESSAGE[:-5],
        MESSAGE.replace(b"<soapenv:E", b'<!DOCTYPE a [<!ENTITY b "c">]><soapenv:E', 1),
        MESSAGE.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    ],
)
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(Problem, match="SOAP envelope") as raised:
        WEBHOOKS.read(SECRET, body)
    assert (raised.value.status, raised.value.code) == (422, "DECODE")


def test_the_acknowledgement_is_what_salesforce_expects() -> None:
    envelope = ElementTree.fromstring(ACKNOWLEDGEMENT)
    [ack] = envelope.iter("{http://soap.sforce.com/2005/09/outbound}Ack")
    assert ack.text == "true"
