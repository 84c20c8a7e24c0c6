"""Requests for a retraining: records of retrain_request.avsc."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from agents.retraining.triggers import Trigger
from schemas.record_codec import RecordCodec
from stream.retraining.plan import ID

__all__ = ["RetrainRequest", "read_request"]


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """A request; see retrain_request.avsc."""

    request_id: str
    requested_at: int
    requested_by: str
    trigger: Trigger = Trigger.MANUAL
    cause: str = "manual"
    reason: str = ""
    is_auto: bool | None = None

    def encode(self) -> bytes:
        """Write as Avro single-object encoding."""
        return _codec().encode({name: getattr(self, name) for name in self.__slots__})


def read_request(value: bytes | None) -> RetrainRequest:
    """Read a request.

    Raises
    ------
    ValueError
        It is none, or its id or trigger is not known.
    """
    record = {**_codec().decode(value)}
    moment = record.pop("requested_at")
    if not ID.fullmatch(record["request_id"]):
        raise ValueError("expected a request_id of at most 64 letters, digits, '_' and '-'")
    at = moment if isinstance(moment, int) else round(moment.timestamp() * 1000)
    return RetrainRequest(**{**record, "trigger": Trigger(record["trigger"]), "requested_at": at})


@cache
def _codec() -> RecordCodec:
    return RecordCodec("retrain_request")
