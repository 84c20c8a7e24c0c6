"""Broker of the demo, the tests and the benchmarks: real Kafka wherever it is available.

It is the one that the environment names, one in Docker, or a Java process from Maven's jars; for
the demo librdkafka's mock broker stands in. May import: ``stream.process`` and ``stream.settings``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from schemas.errors import StartupError
from stream.broker.docker import start_docker_broker
from stream.broker.java import start_java_broker
from stream.broker.mock import start_mock_broker
from stream.broker.node import BreakableBroker, Broker, BrokerKind, BrokerUnavailableError

__all__ = ["BreakableBroker", "Broker", "BrokerKind", "GivenBroker", "open_broker", "pick_broker"]

ADDRESS_VARIABLES = ("LEADSCORE_KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS")
REACHED_WITHIN_SECONDS = 5.0


class GivenBroker:
    """A broker that runs already; it is neither started nor stopped.

    Parameters
    ----------
    bootstrap
        host:port, several separated by commas.

    Raises
    ------
    StartupError
        None of the addresses can be reached.
    """

    kind = BrokerKind.GIVEN

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        if not any(_is_reached(server) for server in bootstrap.split(",")):
            raise StartupError(
                f"expected a Kafka broker at {bootstrap}, but none answers: start it, or unset"
                f" {' and '.join(ADDRESS_VARIABLES)}"
            )

    def describe(self) -> str:
        """Return a description of the broker."""
        return f"Kafka at {self.bootstrap}, as set in the environment"

    def close(self) -> None:
        """Do nothing: the broker was not started here."""


def _is_reached(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_WITHIN_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def find_given_broker(environment: Mapping[str, str] = os.environ) -> GivenBroker:
    """Connect to the broker whose address is set in the environment.

    Raises
    ------
    BrokerUnavailableError
        No address is set.
    StartupError
        An address is set but can't be reached; no other kind is tried then.
    """
    for variable in ADDRESS_VARIABLES:
        if environment.get(variable):
            return GivenBroker(environment[variable])
    raise BrokerUnavailableError(f"{ADDRESS_VARIABLES[-1]} is not set")


STARTERS: Mapping[BrokerKind, Callable[[], Broker]] = {
    BrokerKind.GIVEN: find_given_broker,
    BrokerKind.DOCKER: start_docker_broker,
    BrokerKind.JAVA: start_java_broker,
    BrokerKind.MOCK: start_mock_broker,
}
"""Functions that start each kind, in the order in which they are tried."""


def pick_broker(
    kinds: tuple[BrokerKind, ...], starters: Mapping[BrokerKind, Callable[[], Broker]] = STARTERS
) -> Broker:
    """Start the first available kind of broker; the caller closes it.

    Raises
    ------
    StartupError
        No kind is available; the message has the reason for each.
    """
    reasons = []
    for kind in kinds:
        try:
            return starters[kind]()
        except BrokerUnavailableError as error:
            reasons.append(f"{kind}: {error}")
    raise StartupError(
        f"no Kafka is available ({'; '.join(reasons)}): set {ADDRESS_VARIABLES[-1]}, start"
        " Docker, or install Java 17 and Maven"
    )


@contextmanager
def open_broker(
    prefer: BrokerKind | str | None = None, *, require_real: bool = False
) -> Iterator[Broker]:
    """Open a broker until the body ends.

    Parameters
    ----------
    prefer
        The only kind to try; else all of them, in the order of `BrokerKind`.
    require_real
        Whether the mock broker is excluded.

    Raises
    ------
    StartupError
        No kind is available; the message has the reason for each.
    """
    kinds = tuple(BrokerKind) if prefer is None else (BrokerKind(prefer),)
    if require_real:
        kinds = tuple(kind for kind in kinds if kind is not BrokerKind.MOCK)
    broker = pick_broker(kinds)
    try:
        yield broker
    finally:
        broker.close()
