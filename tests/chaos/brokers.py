"""Brokers for the chaos ring: with other settings, behind a proxy, to stop, a cluster of three."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stream.broker.java import JavaBroker, fetch_jars, find_java, new_cluster_id
from stream.broker.node import HOST, free_ports
from tests.chaos.proxy import Proxy

STOPPED_WITHIN_SECONDS = 30.0


class ConfiguredBroker(JavaBroker):
    """A broker with settings of the test.

    Parameters
    ----------
    settings
        Replace those of a small node.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        super().__init__(find_java(), fetch_jars())

    def _properties(self) -> dict[str, str]:
        return super()._properties() | self._settings


class ProxiedBroker(JavaBroker):
    """A broker with two listeners: the tests take the plain one, workers the one behind a proxy."""

    def __init__(self) -> None:
        super().__init__(find_java(), fetch_jars())
        self.proxy = Proxy(self._proxy_port, f"{HOST}:{self._hidden_port}")

    @property
    def proxied(self) -> str:
        """The address of the proxy."""
        return f"{HOST}:{self._proxy_port}"

    def _properties(self) -> dict[str, str]:
        properties = super()._properties()
        self._hidden_port, self._proxy_port = free_ports(2)
        hidden = f"PROXIED://{HOST}:{self._hidden_port}"
        properties["listeners"] += f",{hidden}"
        properties["advertised.listeners"] += f",PROXIED://{self.proxied}"
        properties["listener.security.protocol.map"] += ",PROXIED:PLAINTEXT"
        return properties

    def close(self) -> None:
        if hasattr(self, "proxy"):
            self.proxy.close()
        super().close()


class StoppableBroker(JavaBroker):
    """A broker whose files a test may change while it is stopped."""

    def __init__(self) -> None:
        super().__init__(find_java(), fetch_jars())

    def stop(self) -> None:
        """Shut it down cleanly: at its next start it trusts its segments and checks none."""
        self._running().send_signal(signal.SIGTERM)
        self._running().wait(STOPPED_WITHIN_SECONDS)
        self.kill()

    def log_folder(self, topic: str, partition: int) -> Path:
        """Return the folder of a partition's segments."""
        return self.folder / "logs" / f"{topic}-{partition}"


class Node(JavaBroker):
    """One of several brokers, each of which is a controller too.

    Parameters
    ----------
    number
        From 1.
    ports
        The ports of every node: for clients, and for controllers.
    cluster_id
        The same for all.
    """

    def __init__(self, number: int, ports: Sequence[tuple[int, int]], cluster_id: str) -> None:
        self._number, self._ports, self._cluster = number, ports, cluster_id
        super().__init__(find_java(), fetch_jars())

    def _properties(self) -> dict[str, str]:
        self.cluster_id = self._cluster
        properties = super()._properties()
        port, controller_port = self._ports[self._number - 1]
        self.bootstrap = f"{HOST}:{port}"
        listeners = f"PLAINTEXT://{self.bootstrap}"
        voters = (f"{i}@{HOST}:{at}" for i, (_, at) in enumerate(self._ports, 1))
        return properties | {
            "node.id": str(self._number),
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"{listeners},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": listeners,
            "default.replication.factor": "3",
            "min.insync.replicas": "2",
            "offsets.topic.replication.factor": "3",
            "transaction.state.log.replication.factor": "3",
            "transaction.state.log.min.isr": "2",
            "replica.lag.time.max.ms": "3000",
            "controller.quorum.election.timeout.ms": "1000",
            "controller.quorum.fetch.timeout.ms": "2000",
        }


class Cluster:
    """Three brokers that keep everything thrice and take what two have."""

    SIZE = 3

    def __init__(self) -> None:
        ports = free_ports(2 * self.SIZE)
        pairs = list(zip(ports[: self.SIZE], ports[self.SIZE :], strict=True))
        cluster_id = new_cluster_id()
        # None answers before two are there. Their threads live on: a child ends with its thread.
        self._threads = ThreadPoolExecutor(self.SIZE)
        starting = [
            self._threads.submit(Node, number, pairs, cluster_id)
            for number in range(1, self.SIZE + 1)
        ]
        self.nodes = [node.result() for node in starting]
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes)

    def restart(self, nodes: Sequence[Node]) -> None:
        """Bring nodes back; returns when they answer."""
        for done in [self._threads.submit(node.restart) for node in nodes]:
            done.result()

    def close(self) -> None:
        for node in self.nodes:
            node.close()
        self._threads.shutdown()
