"""Settings that all workers of a group must share, compared when a worker joins.

Each member tells its own as user data of its subscription. The leader tells all members what most
of them have, as user data of their assignments. A worker of a version before this tells nothing and
is not compared.
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
"""The last three decide which leads a block of drift counts holds, whoever counts it."""


class OtherDeliveryError(InconsistentGroupProtocolError):
    """The group delivers in another way than this worker."""


def shared_settings(settings: Settings) -> Shared:
    """Return what a worker must have in common with the others of its group."""
    return {name: getattr(settings, name) for name in SHARED}


def encode_settings(shared: Shared) -> bytes:
    """Write them as user data: JSON."""
    return orjson.dumps(dict(shared))


def decode_settings(written: bytes) -> Shared:
    """Read them; empty where it is no JSON object, as of a version that tells nothing."""
    try:
        found = orjson.loads(written)
    except orjson.JSONDecodeError:
        return {}
    return {name: found[name] for name in SHARED if name in found} if type(found) is dict else {}


def common_settings(own: Shared, members: Iterable[Shared]) -> Shared:
    """Return what most members have; where as many have another value, the leader's own."""
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
        The group delivers in another way: no promise would hold for either.
    """
    for name, value in group.items():
        if name not in own or own[name] == value:
            continue
        sentence = (
            f"{variable_of(name)} was expected to be {value!r} as for the other workers of this"
            f" consumer group, it is {own[name]!r}"
        )
        if name == DELIVERY:
            raise OtherDeliveryError(
                f"{sentence}: set the same, or stop all workers of the group before you change it"
                " (docs/operations.md#delivery)"
            )
        log.warning("%s: drift counts of the group may be wrong; set the same", sentence)
