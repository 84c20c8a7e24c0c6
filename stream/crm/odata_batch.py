"""Batch requests of OData: many requests in one, as multipart/mixed.

OData Version 4.01, Part 1: Protocol, section 11.7.7; parts are HTTP messages of their own
(RFC 9112), answers come in the order of the requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["PartAnswer", "read_answers", "write_requests"]

STATUS = re.compile(rb"HTTP/1\.\d (\d{3})")


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to one request of a batch.

    Attributes
    ----------
    status
        HTTP status.
    headers
        By lower-case name.
    body
        The content; empty if there is none.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the content as JSON; None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


def write_requests(requests: Sequence[tuple[str, str, Any]], boundary: str) -> bytes:
    """Return the content of a batch.

    Parameters
    ----------
    requests
        Method, path and JSON of each.
    boundary
        Separates the parts; must not occur in them.
    """
    parts = [
        b"--%b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"%b %b HTTP/1.1\r\nContent-Type: application/json\r\n\r\n%b\r\n"
        % (boundary.encode(), method.encode(), path.encode(), orjson.dumps(content))
        for method, path, content in requests
    ]
    return b"".join([*parts, b"--%b--\r\n" % boundary.encode()])


def read_answers(content: bytes, content_type: str) -> list[PartAnswer]:
    """Return the answers in a batch's answer.

    Raises
    ------
    ValueError
        It is no multipart/mixed content of HTTP messages.
    """
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if found is None:
        raise ValueError("expected multipart/mixed with a boundary")
    parts = content.split(b"--" + found[1].encode())[1:-1]
    return [_answer(part) for part in parts]


def _answer(part: bytes) -> PartAnswer:
    at = STATUS.search(part)
    if at is None:
        raise ValueError("expected a part with an HTTP status line")
    head, _, body = part[at.start() :].partition(b"\r\n\r\n")
    fields = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    headers = {name.decode().strip().lower(): to.decode().strip() for name, _, to in fields}
    return PartAnswer(int(at[1]), headers, body.strip())
