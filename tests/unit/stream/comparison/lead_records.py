"""Records of leads for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.wire import WireFormat
from tests.unit.small_model import SmallModel


@dataclass
class LeadRecord:
    """The part of a Kafka record that scoring reads."""

    value: bytes | None
    offset: int = 0
    partition: int = 0
    timestamp: int = 1_702_000_000_000
    key: bytes | None = None
    headers: tuple[Any, ...] = field(default=())


def lead_records(model: SmallModel, wire: WireFormat = WireFormat.AVRO) -> list[LeadRecord]:
    """All leads of a model, one offset each."""
    return [LeadRecord(value, offset) for offset, value in enumerate(model.values(wire))]
