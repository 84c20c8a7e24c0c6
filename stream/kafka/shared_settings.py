"""Settings that all workers of a group must share, compared when a worker joins.

Each member sends its own settings as user data of its subscription. The leader sends the values of
the majority to all members, as user data of their assignments. A worker of an earlier version sends
none and is not compared.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from aiokafka.errors import InconsistentGroupProtocolError

from stream.settings import Settings, variable_of

__all__ = [
    "OtherDeliveryError",
    "Shared",
    "common_settings",
    "compare",
    "decode_settings",
    "encode_settings",
    "shared_settings",
]

log = logging.getLogger(__name__)

Shared = Mapping[str, Any]
"""Values by the setting's field."""

DELIVERY = "delivery"
SHARED = (DELIVERY, "drift_window_seconds", "max_attempts", "max_event_bytes")
"""The last three determine which leads a block of drift counts holds, on any worker."""


class OtherDeliveryError(InconsistentGroupProtocolError):
    """The group has another delivery guarantee than this worker."""


def shared_settings(settings: Settings) -> Shared:
    """Return the settings that a worker must share with its group."""
    return {name: getattr(settings, name) for name in SHARED}


def encode_settings(shared: Shared) -> bytes:
    """Encode the settings as user data: JSON."""
    return orjson.dumps(dict(shared))


def decode_settings(written: bytes) -> Shared:
    """Decode user data; empty if it is not a JSON object, as from an earlier version."""
    try:
        found = orjson.loads(written)
    except orjson.JSONDecodeError:
        return {}
    return {name: found[name] for name in SHARED if name in found} if type(found) is dict else {}


def common_settings(own: Shared, members: Iterable[Shared]) -> Shared:
    """Return the values of the majority; in a tie, the leader's own."""
    votes: dict[str, Counter[Any]] = {name: Counter() for name in own}
    for member in members:
        for name, value in member.items():
            if name in votes and isinstance(value, str | int | float):
                votes[name][value] += 1
    return {
        name: max(counted, key=lambda value: (counted[value], value == own[name]))
        for name, counted in votes.items()
        if counted
    }


def compare(own: Shared, group: Shared) -> None:
    """Compare a worker's settings with its group's; log a warning for each that differs.

    Raises
    ------
    OtherDeliveryError
        The group has another delivery guarantee; mixed, neither guarantee would hold.
    """
    for name, value in group.items():
        if name not in own or own[name] == value:
            continue
        sentence = (
            f"{variable_of(name)} was expected to be {value!r} as for the other workers of this"
            f" consumer group, but it is {own[name]!r}"
        )
        if name == DELIVERY:
            raise OtherDeliveryError(
                f"{sentence}: set the same, or stop all workers of the group before you change it"
                " (docs/operations.md#delivery)"
            )
        log.warning("%s: drift counts of the group may be wrong; set the same", sentence)
