"""Signatures of webhooks: a request is from its sender, unchanged, and not replayed.

- HubSpot, signature v3: base64 of HMAC-SHA-256 over method, address, body and time stamp, with the
  app's client secret; reject a time stamp older than five minutes
  (developers.hubspot.com/changelog/introducing-version-3-of-webhook-signatures).
- Standard Webhooks: base64 of HMAC-SHA-256 over id, time stamp and body, joined by dots; several
  signatures, each with its version, are separated by spaces while a secret is replaced
  (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from stream.rest.problems import Problem

__all__ = ["WINDOW", "standard_key", "verify_hubspot", "verify_standard"]

WINDOW = 300.0
"""Seconds by which a time stamp may differ from the clock."""
PREFIX = "whsec_"


def verify_hubspot(
    secret: bytes, method: str, url: str, headers: Mapping[str, str], body: bytes, now: float
) -> None:
    """Check a request of HubSpot.

    Parameters
    ----------
    secret
        Client secret of the app.
    method, url
        Method, and the address as HubSpot calls it.
    headers
        By lower-case name.
    body
        As received.
    now
        Seconds since 1970.

    Raises
    ------
    Problem
        401: a header is missing, the signature is wrong, or the time stamp is too old.
    """
    stamp = headers.get("x-hubspot-request-timestamp", "")
    signed = b"".join((method.encode(), url.encode(), body, stamp.encode()))
    expected = base64.b64encode(_hmac(secret, signed))
    if not hmac.compare_digest(expected, _bytes(headers.get("x-hubspot-signature-v3", ""))):
        raise _refused("X-HubSpot-Signature-v3, with the client secret and address that are set")
    _check_time(stamp, 1000.0, now)


def standard_key(secret: str) -> bytes:
    """Return the key of a Standard Webhooks secret, ``whsec_`` and base64.

    Raises
    ------
    ValueError
        It is no base64 of at least 24 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) < 24:
        raise ValueError("expected whsec_ and the base64 of at least 24 random bytes")
    return key


def verify_standard(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """Check a request that is signed as Standard Webhooks are.

    Returns
    -------
    str
        The id of the webhook.

    Raises
    ------
    Problem
        401: a header is missing, no signature is right, or the time stamp is too old.
    """
    webhook_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = b".".join((_bytes(webhook_id), _bytes(stamp), body))
    expected = b"v1," + base64.b64encode(_hmac(key, signed))
    given = headers.get("webhook-signature", "").split(" ")
    # No early end: the time must not depend on which one is right.
    matches = [hmac.compare_digest(expected, _bytes(each)) for each in given]
    if not webhook_id or not any(matches):
        raise _refused("webhook-signature (Standard Webhooks), with the secret that is set")
    _check_time(stamp, 1.0, now)
    return webhook_id


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _bytes(header: str) -> bytes:
    return header.encode("latin-1", "replace")


def _check_time(stamp: str, unit: float, now: float) -> None:
    # Only after the signature: it covers the time stamp.
    if not stamp.isdecimal() or abs(int(stamp) / unit - now) > WINDOW:
        raise Problem(
            401,
            "TIMESTAMP",
            f"expected a time stamp within {WINDOW:.0f} s of this machine's clock: an older request"
            " is refused, as it may be replayed; synchronise the clock (NTP)",
        )


def _refused(header: str) -> Problem:
    return Problem(401, "SIGNATURE", f"expected a valid signature in the header {header}")
