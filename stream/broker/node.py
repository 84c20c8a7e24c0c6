"""Common parts of the brokers for the demo and the tests."""

from __future__ import annotations

import random
import socket
from enum import StrEnum
from typing import Protocol

from schemas.errors import LeadScoreError

__all__ = [
    "KAFKA_VERSION",
    "STARTED",
    "STARTED_WITHIN_SECONDS",
    "BreakableBroker",
    "Broker",
    "BrokerKind",
    "BrokerUnavailableError",
    "free_ports",
    "node_properties",
]

KAFKA_VERSION = "4.1.1"

STARTED = b"Kafka Server started"
"""Log message of a broker that is ready for requests."""

STARTED_WITHIN_SECONDS = 60.0

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 20_000, 32_000


class BrokerKind(StrEnum):
    """Source of a broker, in the order of preference."""

    GIVEN = "given"
    """A running Kafka whose address is set in the environment."""
    DOCKER = "docker"
    """Apache Kafka in a container."""
    JAVA = "java"
    """Apache Kafka from its jars."""
    MOCK = "mock"
    """librdkafka's mock broker: not Kafka, but with its protocol."""


class Broker(Protocol):
    """A broker to connect to, until it is closed."""

    kind: BrokerKind
    bootstrap: str

    def describe(self) -> str:
        """Return a description of the broker."""
        ...

    def close(self) -> None:
        """Stop it and remove its data."""
        ...


class BreakableBroker(Broker, Protocol):
    """A broker that fault tests can break and repair; address and data stay the same."""

    def pause(self) -> None:
        """Pause it: it stops answering, but connections stay open."""
        ...

    def resume(self) -> None:
        """Resume it after `pause`."""
        ...

    def kill(self) -> None:
        """Kill it, as a crash does."""
        ...

    def restart(self) -> None:
        """Restart it after `kill`; return when it answers."""
        ...


class BrokerUnavailableError(LeadScoreError):
    """A kind of broker is not available, for the reason in the message."""


def free_ports(count: int) -> list[int]:
    """Return ports that are free.

    They lie below the range of ephemeral ports. Otherwise a client that retries to reach a broker
    that is down could get the broker's port for its own end, connect to itself, and prevent the
    broker from restarting.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def node_properties(
    *, listen: str, advertised: str, controller_port: int, log_dirs: str
) -> dict[str, str]:
    """Return the configuration of a small single node that is broker and controller.

    Parameters
    ----------
    listen, advertised
        host:port that the broker listens on, and the address for clients.
    controller_port
        Port that the controller listens on; no client needs it.
    log_dirs
        Folder of the data.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": log_dirs,
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "3000",  # delays a restart after a kill
        "num.network.threads": "1",
        "num.io.threads": "2",
        "background.threads": "2",
        "num.recovery.threads.per.data.dir": "1",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": "16777216",
        "log.segment.bytes": "16777216",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        "controlled.shutdown.enable": "false",
    }
