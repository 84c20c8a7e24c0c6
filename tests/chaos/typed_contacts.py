"""Contacts as a database would export them: decimals, micros and UUIDs in Avro's logical types."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from stream.simulator.playing import Event, Lead

__all__ = ["SCHEMAS", "TypedEvents", "decimal_of", "encode", "write_schemas"]

MARKER = b"\xc3\x01"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
THOUSANDTHS = Decimal("0.001")
NUMBERS = (
    *("age", "campaign", "pdays", "previous", "emp_var_rate", "cons_price_idx", "cons_conf_idx"),
    *("euribor3m", "nr_employed"),
)
WORDS = (
    *("job", "marital", "education", "default", "housing", "loan", "contact", "month"),
    *("day_of_week", "poutcome"),
)
OF_BYTES = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}


def _schema(name: str, created_at: str) -> dict[str, Any]:
    fixed = {"type": "fixed", "name": f"{name}_amount", "size": 9, "logicalType": "decimal"}
    numbers: list[Any] = [{**fixed, "precision": 18, "scale": 3}, OF_BYTES, ["null", OF_BYTES]]
    types = [numbers[0], *(numbers[i % 2 + 1] for i in range(1, len(NUMBERS)))]
    return {
        "type": "record",
        "name": name,
        "namespace": "leadscore.chaos",
        "fields": [
            {"name": "lead_id", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "created_at", "type": {"type": "long", "logicalType": created_at}},
            *({"name": n, "type": t} for n, t in zip(NUMBERS, types, strict=True)),
            *({"name": word, "type": ["null", "string"]} for word in WORDS),
        ],
    }


SCHEMAS = (
    _schema("micros_contact", "timestamp-micros"),
    _schema("local_contact", "local-timestamp-micros"),
)


def write_schemas(folder: Path) -> Path:
    """Write the schemas as ``.avsc`` files of a folder, and return it."""
    folder.mkdir()
    for schema in SCHEMAS:
        (folder / f"{schema['name']}.avsc").write_text(json.dumps(schema))
    return folder


def decimal_of(value: object) -> Decimal:
    """Return a contact's number with three digits, which all of them have at most."""
    return Decimal(str(value)).quantize(THOUSANDTHS)


def encode(lead: Lead, schema: dict[str, Any]) -> bytes:
    """Write a lead in single-object encoding; fastavro's own logical types write the values."""
    assert lead.created_at is not None
    at = EPOCH + timedelta(milliseconds=lead.created_at)
    is_local = schema["fields"][1]["type"]["logicalType"].startswith("local")
    numbers = {name: lead.fields.get(name) for name in NUMBERS}
    record = {
        "lead_id": str(uuid5(NAMESPACE_URL, lead.lead_id)),
        "created_at": at.replace(tzinfo=None) if is_local else at,
        **{name: None if n is None else decimal_of(n) for name, n in numbers.items()},
        **{name: lead.fields.get(name) for name in WORDS},
    }
    out = io.BytesIO()
    out.write(MARKER)
    out.write(bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")))
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


class TypedEvents:
    """Makes the event of a lead, by each schema in turn."""

    def __init__(self) -> None:
        self._schemas = cycle(SCHEMAS)

    def __call__(self, lead: Lead) -> Event:
        """Make the event; its key is the id that the lead has in it."""
        key = str(uuid5(NAMESPACE_URL, lead.lead_id)).encode()
        return Event(key, encode(lead, next(self._schemas)), [])
