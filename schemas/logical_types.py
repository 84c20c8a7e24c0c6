"""Logical types of Avro, and their equivalents in Kafka Connect and Debezium.

Avro writes a time as an integer and a decimal as bytes. The logical type beside it gives the unit
or the scale. It belongs to a branch of a union, not to the field: ``["null", timestamp-millis,
timestamp-micros]`` has two units [1]_. Kafka Connect and Debezium use ``connect.name`` instead
[2]_ [3]_.

References
----------
.. [1] Apache Avro 1.12, "Logical Types".
.. [2] Kafka Connect, ``org.apache.kafka.connect.data``: Date, Time, Timestamp, Decimal.
.. [3] Debezium 3, "Data type mappings": ``io.debezium.time`` and ``io.debezium.data``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from schemas.fields import FieldKind

__all__ = [
    "KEPT",
    "Meaning",
    "as_written",
    "decimal_of",
    "kind_of",
    "meaning_of",
    "scaled_decimal",
    "type_label",
    "type_name",
    "uuid_of",
]

KEPT = "logical"
"""Key of a logical type in a parsed schema: fastavro would convert the value under its own key."""

What = Literal["time", "clock", "decimal", "uuid"]


class Meaning(NamedTuple):
    """Meaning of a value beyond its Avro type.

    Attributes
    ----------
    what
        A time since 1970, a time of day (clock), a decimal, or a UUID.
    unit
        For times ms, us, ns or days; for UUIDs the type that holds it.
    scale
        For decimals, the number of digits after the point; None: each value has its own scale.
    """

    what: What
    unit: str = ""
    scale: int | None = None


KIND_OF_TYPE = {
    "int": FieldKind.NUMBER,
    "long": FieldKind.NUMBER,
    "float": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "boolean": FieldKind.CATEGORY,
    "string": FieldKind.CATEGORY,
    "enum": FieldKind.CATEGORY,
}
KIND_OF_MEANING: Mapping[What, FieldKind] = {
    "time": FieldKind.DATE,
    "clock": FieldKind.NUMBER,
    "decimal": FieldKind.NUMBER,
    "uuid": FieldKind.CATEGORY,
}
TIMES: Mapping[str, tuple[What, str]] = {
    **{
        f"{local}timestamp-{word}": ("time", unit)
        for local in ("", "local-")
        for word, unit in (("millis", "ms"), ("micros", "us"), ("nanos", "ns"))
    },
    "date": ("time", "days"),
    "time-millis": ("clock", "ms"),
    "time-micros": ("clock", "us"),
    "time-nanos": ("clock", "ns"),
    "io.debezium.time.Timestamp": ("time", "ms"),
    "io.debezium.time.MicroTimestamp": ("time", "us"),
    "io.debezium.time.NanoTimestamp": ("time", "ns"),
    "io.debezium.time.Date": ("time", "days"),
    "io.debezium.time.Time": ("clock", "ms"),
    "io.debezium.time.MicroTime": ("clock", "us"),
    "io.debezium.time.NanoTime": ("clock", "ns"),
    "org.apache.kafka.connect.data.Timestamp": ("time", "ms"),
    "org.apache.kafka.connect.data.Date": ("time", "days"),
    "org.apache.kafka.connect.data.Time": ("clock", "ms"),
}
DECIMALS = frozenset({"decimal", "org.apache.kafka.connect.data.Decimal"})
OWN_SCALE = "big-decimal"
VARIABLE_SCALE = "io.debezium.data.VariableScaleDecimal"
UUIDS = frozenset({"uuid", "io.debezium.data.Uuid"})

MAX_SCALE = 1_000
"""Largest scale: a larger power of ten would take long to compute."""
UUID_BYTES = 16


def meaning_of(avro_type: Any) -> Meaning | None:
    """Return the meaning of a type's values; None if it has no known logical type.

    A logical type that does not fit its type is ignored, as the specification demands.

    Parameters
    ----------
    avro_type
        A branch of a union, or another type; as written or as parsed.

    Examples
    --------
    >>> meaning_of({"type": "long", "logicalType": "local-timestamp-micros"})
    Meaning(what='time', unit='us', scale=None)
    >>> meaning_of({"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}).unit
    'us'
    >>> meaning_of({"type": "bytes", "logicalType": "decimal", "scale": 2}).scale
    2
    >>> meaning_of("long") is None
    True
    """
    if not isinstance(avro_type, Mapping):
        return None
    said = (avro_type.get("logicalType"), avro_type.get(KEPT), avro_type.get("connect.name"))
    named = type_name(avro_type)
    if named == "record" and VARIABLE_SCALE in (*said, avro_type.get("name"), _full(avro_type)):
        return Meaning("decimal") if _has_variable_scale(avro_type) else None
    for word in said:
        meaning = _meaning(word, named, avro_type) if isinstance(word, str) else None
        if meaning is not None:
            return meaning
    return None


def kind_of(avro_type: Any) -> FieldKind | None:
    """Return the kind of field that a type is for; None if it is for none.

    Examples
    --------
    >>> kind_of({"type": "bytes", "logicalType": "decimal", "scale": 2})
    <FieldKind.NUMBER: 'number'>
    >>> kind_of("bytes") is None
    True
    """
    meaning = meaning_of(avro_type)
    if meaning is not None:
        return KIND_OF_MEANING[meaning.what]
    return KIND_OF_TYPE.get(type_name(avro_type))


def _meaning(word: str, named: str, avro_type: Mapping[str, Any]) -> Meaning | None:
    if word in TIMES and named in ("int", "long"):
        return Meaning(*TIMES[word])
    if word in DECIMALS and named in ("bytes", "fixed"):
        scale = _scale(avro_type)
        return None if scale is None else Meaning("decimal", scale=scale)
    if word == OWN_SCALE and named == "bytes":
        return Meaning("decimal")
    is_16_bytes = named == "fixed" and avro_type.get("size") == UUID_BYTES
    if word in UUIDS and (named == "string" or is_16_bytes):
        return Meaning("uuid", unit=named)
    return None


def _scale(avro_type: Mapping[str, Any]) -> int | None:
    parameters = avro_type.get("connect.parameters")
    given = avro_type.get("scale")
    if given is None and isinstance(parameters, Mapping):
        given = parameters.get("scale")
    try:
        scale = int(0 if given is None else given)
    except (TypeError, ValueError):
        return None
    return scale if 0 <= scale <= MAX_SCALE else None


def _full(avro_type: Mapping[str, Any]) -> str:
    return f"{avro_type.get('namespace')}.{avro_type.get('name')}"


def _has_variable_scale(avro_type: Mapping[str, Any]) -> bool:
    fields = [(entry["name"], type_name(entry["type"])) for entry in avro_type["fields"]]
    return fields == [("scale", "int"), ("value", "bytes")]


def type_name(avro_type: Any) -> str:
    """Return the name of a type: long, record, union and so on."""
    if isinstance(avro_type, list):
        return "union"
    name = avro_type["type"] if isinstance(avro_type, Mapping) else avro_type
    return str(name) if isinstance(name, str) else type_name(name)


def type_label(avro_type: Any) -> str:
    """Return the label of a type in messages: its name, and its meaning if it has one.

    Examples
    --------
    >>> type_label({"type": "int", "logicalType": "time-millis"})
    'int (a time of day)'
    """
    meaning = meaning_of(avro_type)
    labels = {"time": "a time", "clock": "a time of day", "decimal": "a decimal", "uuid": "a UUID"}
    name = type_name(avro_type)
    return name if meaning is None else f"{name} ({labels[meaning.what]})"


def decimal_of(raw: bytes, scale: int) -> float:
    """Return a decimal: its unscaled integer is big-endian, in two's complement.

    Parameters
    ----------
    raw
        The unscaled integer.
    scale
        Number of digits after the point; negative: zeros before it.

    Returns
    -------
    float
        The closest float; infinite if the decimal is too large.

    Examples
    --------
    >>> decimal_of(bytes.fromhex("ff85"), 2)
    -1.23
    """
    if abs(scale) > MAX_SCALE:
        return math.inf
    unscaled = int.from_bytes(raw, "big", signed=True)
    try:
        return unscaled / 10**scale if scale >= 0 else float(unscaled * 10**-scale)
    except OverflowError:
        return math.inf


def scaled_decimal(raw: bytes) -> float:
    """Return a decimal that is written with its scale: Avro's ``big-decimal``.

    Parameters
    ----------
    raw
        The unscaled integer as Avro's bytes, then the scale as Avro's int.

    Raises
    ------
    ValueError
        The bytes are not a ``big-decimal``.

    Examples
    --------
    >>> scaled_decimal(bytes.fromhex("04ff8504"))
    -1.23
    """
    length, at = _zigzag(raw, 0)
    scale, end = _zigzag(raw, at + length)
    if length < 0 or end != len(raw):
        raise ValueError("big-decimal")
    return decimal_of(raw[at : at + length], scale)


def _zigzag(raw: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift, byte in enumerate(raw[at : at + 5]):
        number |= (byte & 127) << (7 * shift)
        if byte < 128:
            return (number >> 1) ^ -(number & 1), at + shift + 1
    raise ValueError("varint")


def uuid_of(raw: bytes) -> str:
    """Return a UUID of 16 bytes as text.

    Examples
    --------
    >>> uuid_of(bytes(16))
    '00000000-0000-0000-0000-000000000000'
    """
    return str(UUID(bytes=raw))


PER_MS = {"ms": 1, "us": 1_000, "ns": 1_000_000}
DAY_MS = 86_400_000


def as_written(value: Any, meaning: Meaning, avro_type: Any) -> Any:
    """Return a value as its Avro type stores it.

    Parameters
    ----------
    value
        Milliseconds for times and times of day, the number for decimals, the text for UUIDs.
    meaning, avro_type
        The field's logical type and Avro type.

    Raises
    ------
    ValueError
        The type can't hold it.

    Examples
    --------
    >>> price = {"type": "bytes", "logicalType": "decimal", "scale": 2}
    >>> as_written(-1.23, meaning_of(price), price).hex()
    '85'
    >>> as_written(1.5, Meaning("time", "us"), "long")
    1500
    """
    match meaning.what:
        case "time" if meaning.unit == "days":
            return int(value // DAY_MS)
        case "time" | "clock":
            return round(value * PER_MS[meaning.unit])
        case "uuid":
            return UUID(value).bytes if meaning.unit == "fixed" else value
        case _:
            return _written_decimal(Decimal(repr(value)), meaning, avro_type)


def _written_decimal(value: Decimal, meaning: Meaning, avro_type: Any) -> Any:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("a decimal can't be infinite")
    scale = max(0, -exponent) if meaning.scale is None else meaning.scale
    unscaled = value.scaleb(scale)
    if unscaled != unscaled.to_integral_value():
        raise ValueError(f"more than {scale} digits behind the point")
    number = int(unscaled)
    size = (number + (number < 0)).bit_length() // 8 + 1
    named = type_name(avro_type)
    if named == "fixed":
        if size > avro_type["size"]:
            raise ValueError(f"a number of more than {avro_type['size']} bytes")
        return number.to_bytes(avro_type["size"], "big", signed=True)
    raw = number.to_bytes(size, "big", signed=True)
    if named == "record":
        return {"scale": scale, "value": raw}
    return raw if meaning.scale is not None else bytes([2 * size]) + raw + bytes([2 * scale])
