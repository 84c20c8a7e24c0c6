"""Signatures of webhooks: valid, forged, replayed."""

from __future__ import annotations

from typing import Any

import pytest

from stream.hooks.signatures import standard_key, verify_hubspot, verify_standard
from stream.rest.problems import Problem
from testing.webhook_requests import (
    GENERIC_SECRET,
    HUBSPOT_SECRET,
    hubspot_headers,
    standard_headers,
)

URL = "https://hooks.example.com/hooks/hubspot"
NOW = 1_790_000_000.0
BODY = b'[{"objectId":1}]'


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def hubspot(
    headers: dict[str, str], *, body: bytes = BODY, url: str = URL, now: float = NOW
) -> None:
    verify_hubspot(HUBSPOT_SECRET.encode(), "POST", url, lower(headers), body, now)


def test_a_request_of_hubspot_passes_within_five_minutes() -> None:
    headers = hubspot_headers(URL, BODY, NOW)
    hubspot(headers)
    hubspot(headers, now=NOW + 299)


@pytest.mark.parametrize("shift", [301, -301])
def test_a_replayed_request_of_hubspot_is_refused(shift: int) -> None:
    with pytest.raises(Problem, match="may be replayed") as raised:
        hubspot(hubspot_headers(URL, BODY, NOW), now=NOW + shift)
    assert (raised.value.status, raised.value.code) == (401, "TIMESTAMP")


def test_a_changed_request_of_hubspot_is_refused() -> None:
    headers = hubspot_headers(URL, BODY, NOW)
    later = {**headers, "X-HubSpot-Request-Timestamp": str(round((NOW + 400) * 1000))}
    attempts: list[tuple[dict[str, str], dict[str, Any]]] = [
        (headers, {"body": BODY + b" "}),
        (headers, {"url": URL + "?a=1"}),
        (later, {"now": NOW + 400}),
        ({**headers, "X-HubSpot-Signature-v3": "é"}, {}),
        ({}, {}),
    ]
    for given, changed in attempts:
        with pytest.raises(Problem) as raised:
            hubspot(given, **changed)
        assert (raised.value.status, raised.value.code) == (401, "SIGNATURE")


def test_the_example_of_standard_webhooks_passes() -> None:
    """The vector of the specification's libraries (its Python tests)."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = standard_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert verify_standard(key, headers, body, 1614265331.0) == headers["webhook-id"]


def test_one_of_several_signatures_is_enough() -> None:
    key = standard_key(GENERIC_SECRET)
    headers = standard_headers("m", BODY, NOW)
    headers["webhook-signature"] = f"v1,old v1a,other {headers['webhook-signature']}"
    assert verify_standard(key, headers, BODY, NOW) == "m"


def test_a_forged_or_replayed_webhook_is_refused() -> None:
    key = standard_key(GENERIC_SECRET)
    headers = standard_headers("m", BODY, NOW)
    for changed, now, code in (
        ({"webhook-id": "n"}, NOW, "SIGNATURE"),
        ({"webhook-timestamp": str(round(NOW) + 1)}, NOW, "SIGNATURE"),
        ({"webhook-signature": ""}, NOW, "SIGNATURE"),
        ({}, NOW + 301, "TIMESTAMP"),
    ):
        with pytest.raises(Problem) as raised:
            verify_standard(key, headers | changed, BODY, now)
        assert (raised.value.status, raised.value.code) == (401, code)
    nameless = standard_headers("", BODY, NOW)
    with pytest.raises(Problem):
        verify_standard(key, nameless, BODY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "whsec_é", "no base64!"])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="24 random bytes"):
        standard_key(secret)
