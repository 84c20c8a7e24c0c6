"""Meaning of a receiver's answer to a webhook."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Answer", "Meaning", "meaning_of"]


class Meaning(Enum):
    """Meaning of an attempt to deliver a record."""

    DELIVERED = "delivered"
    """The receiver has it."""
    REFUSED = "refused"
    """The receiver will never take it."""
    FAILED = "failed"
    """The receiver could not process it now; if that continues, it never will."""
    UNAVAILABLE = "unavailable"
    """The receiver can't be reached, or takes nothing now, whatever the record."""


class Answer(NamedTuple):
    """Result of an attempt.

    Attributes
    ----------
    meaning
        What it means.
    text
        For messages: the status, or the kind of error.
    after
        Seconds that the receiver asks to wait; None: it does not say.
    """

    meaning: Meaning
    text: str
    after: float | None = None


# A redirect is not followed: it could lead anywhere. Not the record but the URL or the secret is
# wrong with 401, 403, 404, 405, 407 and 410; the receiver is busy with 408, 425 and 429, and down
# behind its proxy with 502, 503 and 504.
OF_THE_TARGET = {401, 403, 404, 405, 407, 408, 410, 425, 429, 502, 503, 504}


def meaning_of(status: int) -> Meaning:
    """Return the meaning of an HTTP status."""
    if 200 <= status < 300:
        return Meaning.DELIVERED
    if status < 400 or status in OF_THE_TARGET:
        return Meaning.UNAVAILABLE
    # 409: an earlier attempt with this idempotency key is still being processed.
    return Meaning.FAILED if status >= 500 or status == 409 else Meaning.REFUSED
