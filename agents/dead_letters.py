"""Dead letters, and their forms: whole, or reduced where the topic takes only smaller records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.records import Output
from schemas.errors import ErrorCode
from schemas.headers import (
    ATTEMPT,
    CONNECT_ERRORS,
    ERROR_CODE,
    SOURCE_OFFSET,
    SOURCE_PARTITION,
    SOURCE_TOPIC,
    Headers,
)

__all__ = ["VALUE_BYTES", "DeadLetter", "forms_of", "smallest_form"]

VALUE_BYTES = "leadscore.value.left.out.bytes"
"""Header of a letter that lacks its value: how many bytes that has. The source record has it."""

_OURS = (CONNECT_ERRORS, "leadscore.")
_SOURCE = (SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
_LEAST = (SOURCE_OFFSET, ERROR_CODE, ATTEMPT)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that can't be scored.

    Attributes
    ----------
    position
        Its index in the batch.
    code
        Why.
    output
        The record for the dead-letter topic.
    """

    position: int
    code: ErrorCode
    output: Output

    def with_headers(self, further: Headers) -> DeadLetter:
        """Return the letter with further headers."""
        key, value, headers = self.output
        return DeadLetter(self.position, self.code, (key, value, [*headers, *further]))


def forms_of(letter: Output) -> Iterator[Output]:
    """Return the forms in which a dead letter can be sent, the largest first.

    Whole; without the source's key, value and headers; of our headers only those that name the
    record, the code and the attempts; only the offset, the code and the attempts, as the letter's
    partition is the source's.

    Parameters
    ----------
    letter
        Key, value and headers of the whole letter.
    """
    yield letter
    _, value, headers = letter
    given = dict(headers).get(VALUE_BYTES)  # it may lack its value from the start
    size = (VALUE_BYTES, given or b"%d" % len(value or b""))
    ours = [h for h in headers if h[0].startswith(_OURS) and h[0] != VALUE_BYTES]
    for names in (None, (*_SOURCE, ERROR_CODE, ATTEMPT), _LEAST):
        yield None, None, [*(h for h in ours if names is None or h[0] in names), size]


def smallest_form() -> Output:
    """Return the largest letter in the smallest of these forms."""
    longest = max((code.value for code in ErrorCode), key=len)
    headers: Headers = [
        (SOURCE_OFFSET, b"%d" % (2**63 - 1)),
        (ERROR_CODE, longest.encode()),
        (ATTEMPT, b"%d" % (2**31)),
    ]
    *_, smallest = forms_of((None, None, headers))
    return smallest
