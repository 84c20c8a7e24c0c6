"""Keys of leads in logs: a keyed hash if there is a key for it, else nothing.

A log record names a lead by a `LeadKey` among its extras. The filter of the log's handler replaces
it, so no other place decides whether, or how, a log names leads.
"""

from __future__ import annotations

import hashlib
import hmac
import logging

__all__ = ["KeyedLeads", "LeadKey", "keyed_hash"]

HEX_DIGITS = 32
"""128 bits: RFC 2104 allows half of the hash, and no two leads meet by chance."""


class LeadKey:
    """The key of a lead's record; its text has nothing of it, whatever prints it.

    Parameters
    ----------
    key
        The record's key, which is the lead's id in UTF-8.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key

    def __repr__(self) -> str:
        return "LeadKey(***)"


def keyed_hash(secret: str, key: bytes) -> str:
    """Return the keyed hash of a lead's id: HMAC-SHA-256 [1]_, its first 32 hex digits.

    Nobody without the secret can test an id against it.

    References
    ----------
    .. [1] RFC 2104, "HMAC: Keyed-Hashing for Message Authentication".

    Examples
    --------
    >>> keyed_hash("Jefe", b"what do ya want for nothing?")
    '5bdcc146bf60754e6a042426089575c7'
    """
    return hmac.new(secret.encode(), key, hashlib.sha256).hexdigest()[:HEX_DIGITS]


class KeyedLeads(logging.Filter):
    """Replaces the keys of leads in log records.

    Parameters
    ----------
    secret
        The secret of the keyed hash; None: log records name no lead.
    """

    def __init__(self, secret: str | None) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the keys in the extras of a record; the record is logged in any case."""
        extras = vars(record)
        for name in [name for name, value in extras.items() if isinstance(value, LeadKey)]:
            key = extras.pop(name).key
            if self._secret is not None:
                extras[name] = keyed_hash(self._secret, key)
        return True
