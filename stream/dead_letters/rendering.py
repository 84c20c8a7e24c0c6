"""A dead letter for people and programs: where it was, why it failed, and where it broke.

Key, values and bytes of a lead are personal data: they are shown only if asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from schemas.headers import rfc3339
from schemas.registered import RegisteredSchemas, framed
from schemas.store import SchemaStore
from stream.dead_letters.avro_bytes import Field
from stream.dead_letters.deny_list import is_denied
from stream.dead_letters.layout import Layout, layout_of
from stream.dead_letters.letter import DeadLetter
from stream.sinks.dead_letters import SINK_NAME

__all__ = ["LETTER", "SOURCE", "described", "hex_dump", "listed"]

MASKED = "masked"
LETTER, SOURCE = "letter", "source"
"""Where a value is from."""
AROUND = 32
"""Bytes before and after the broken one in a hex dump."""
ROW = 16
"""Bytes of a line of a hex dump."""
NAMED = re.compile(r"\bfields? ([A-Za-z_][A-Za-z0-9_.]*)")
"""A field in the sentence of an error."""
OURS = ("__connect.errors.", "leadscore.")


def listed(letter: DeadLetter, *, shows_values: bool = False) -> dict[str, Any]:
    """Return a letter as one object of a list.

    Parameters
    ----------
    letter
        The letter.
    shows_values
        Whether its key is shown.
    """
    return {
        "place": str(letter.place),
        "time": rfc3339(max(0, letter.timestamp)),
        "timestamp_ms": letter.timestamp,
        "code": letter.code,
        "source": str(letter.source),
        "sink": _shown(dict(letter.headers).get(SINK_NAME)),
        "attempt": letter.attempt,
        "value_bytes": _value_bytes(letter),
        "key": _shown(letter.key, shows_values),
        "error": letter.error,
    }


def described(
    letter: DeadLetter,
    store: SchemaStore,
    registered: RegisteredSchemas | None = None,
    *,
    value: bytes | None,
    value_from: str = LETTER,
    shows_values: bool = False,
) -> dict[str, Any]:
    """Return everything that is known of a letter.

    Parameters
    ----------
    letter
        The letter.
    store
        The schemas that leads may be written with.
    registered
        Meanings of the ids of a schema registry; None: no registry is set.
    value
        The value: the letter's, or that of its source record.
    value_from
        Where it is from: the letter, or the source record; or why that does not have it.
    shows_values
        Whether key, values and bytes are shown.
    """
    layout = Layout()
    if value:
        framing = (framed(value, letter.headers) or b"").removesuffix(value)
        layout = layout_of(value, store, registered, framing=framing)
    broken = _broken_at(letter, layout) if value else None
    return listed(letter, shows_values=shows_values) | {
        "topic": letter.source_topic,
        "source_time": None
        if letter.source_timestamp is None
        else rfc3339(max(0, letter.source_timestamp)),
        "schema": layout.schema or letter.schema,
        "wire_format": layout.wire,
        "left_out": letter.is_left_out,
        "value_from": value_from,
        "headers": [*_headers(letter, shows_values)],
        "fields": [_field(found, shows_values) for found in layout.fields],
        "broken_at": broken,
        "reason": layout.reason,
        "bytes": hex_dump(value, broken) if value and broken is not None and shows_values else None,
    }


def hex_dump(value: bytes, at: int) -> list[str]:
    r"""Return the lines of a hex dump around a byte, which is in brackets.

    Examples
    --------
    >>> print(*hex_dump(b"{lead", 1), sep="\n")
    00000000  7b[6c]65 61 64                                    {lead
    """
    first = max(0, at - AROUND) // ROW * ROW
    last = min(len(value) + 1, at + AROUND + 1)
    return [_hex_line(value, start, at) for start in range(first, max(last, first + 1), ROW)]


def _hex_line(value: bytes, start: int, at: int) -> str:
    row = value[start : start + ROW]
    cells = []
    for position in range(start, start + ROW + 1):
        is_after = position == at + 1 and position > start
        mark = "[" if position == at < start + ROW else "]" if is_after else " "
        byte = f"{value[position]:02x}" if position < start + len(row) else "  "
        cells.append(mark + (byte if position < start + ROW else ""))
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
    return f"{start:08x} {''.join(cells)}  {text}".rstrip()


def _broken_at(letter: DeadLetter, layout: Layout) -> int | None:
    """Return the byte at which decoding stopped, or where the field of the error begins."""
    if layout.broken_at is not None:
        return layout.broken_at
    named = NAMED.search(letter.error or "")
    starts = {found.name: found.start for found in layout.fields}
    name = named[1].rstrip(".") if named else ""
    return starts.get(name, starts.get(name.partition(".")[0]))


def _headers(letter: DeadLetter, shows_values: bool) -> Iterator[dict[str, Any]]:
    for name, value in letter.headers:
        is_ours = name.startswith(OURS)
        yield {
            "name": name,
            "value": _shown(value, shows_values or is_ours),
            "is_sent_again": not is_denied(name),
        }


def _field(found: Field, shows_values: bool) -> dict[str, Any]:
    value = found.value.hex() if isinstance(found.value, bytes) else found.value
    return {
        "name": found.name,
        "type": found.type,
        "start": found.start,
        "bytes": found.end - found.start,
        "value": value if shows_values or value is None else MASKED,
    }


def _shown(text: bytes | None, shows_values: bool = True) -> str | None:
    if text is None:
        return None
    return text.decode(errors="backslashreplace") if shows_values else MASKED


def _value_bytes(letter: DeadLetter) -> int | None:
    return letter.left_out_bytes if letter.value is None else len(letter.value)
