"""Events of leads: value, key and headers as a CRM sends them, some broken on purpose."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from schemas.encode import encode_lead
from schemas.headers import rfc3339
from schemas.logical_types import type_name
from schemas.store import Schema
from schemas.wire import FORMATS, WireFormat
from stream.simulator.broken import BrokenMix
from stream.simulator.playing import Event, Lead

__all__ = ["EventMaker"]


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


class EventMaker:
    """Creates the event of a lead.

    Parameters
    ----------
    schema
        The contract of the leads.
    wire
        The format of the values.
    bad_share
        Share of broken leads, 0 to 1; a broken lead keeps its key.
    max_bytes
        The worker's limit on an event's size, which too large events exceed.
    seed
        Random seed of defects and request ids.
    created_now
        Whether the time of creation is the time of sending for all leads, not only for those
        without one.
    now
        The time of sending, in milliseconds since 1970 UTC.
    """

    def __init__(
        self,
        schema: Schema,
        wire: WireFormat = WireFormat.AVRO,
        *,
        bad_share: float = 0.0,
        max_bytes: int = 262_144,
        seed: int = 0,
        created_now: bool = False,
        now: Callable[[], int] = _wall_clock,
    ) -> None:
        self._schema = schema
        self._wire = wire
        self._bad_share = bad_share
        self._created_now = created_now
        self._now = now
        types = map(type_name, _branches(schema.fields["created_at"]))
        self._writes_number = any(named in ("int", "long") for named in types)
        self._rng = random.Random(seed)
        self._mix = BrokenMix(schema, wire, max_bytes=max_bytes, seed=seed)
        self._content_type = ("content-type", FORMATS[wire].content_type)

    def __call__(self, lead: Lead) -> Event:
        """Return the event of a lead that is due now.

        Raises
        ------
        InputError
            The lead does not fit its contract.
        """
        key = lead.lead_id.encode()
        headers = self._headers()
        record = self._record(lead)
        if self._bad_share and self._rng.random() < self._bad_share:
            kind, code, value = self._mix.spoil(record)
            return Event(key, value, headers, kind, code)
        return Event(key, encode_lead(record, self._schema, self._wire), headers)

    def _record(self, lead: Lead) -> dict[str, object]:
        created_at = None if self._created_now else lead.created_at
        if created_at is None:
            created_at = self._now()
        time = created_at if self._writes_number else rfc3339(created_at)
        return {"lead_id": lead.lead_id, "created_at": time, **lead.fields}

    def _headers(self) -> list[tuple[str, bytes]]:
        request_id = self._rng.randbytes(16).hex().encode()
        trace, span = self._rng.randbytes(16).hex(), self._rng.randbytes(8).hex()
        return [
            self._content_type,
            ("x-request-id", request_id),
            ("traceparent", f"00-{trace}-{span}-01".encode()),
        ]


def _branches(avro_type: object) -> list[object]:
    return avro_type if isinstance(avro_type, list) else [avro_type]
