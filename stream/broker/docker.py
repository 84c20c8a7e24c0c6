"""Apache Kafka in a container, where a Docker engine answers."""

from __future__ import annotations

import gc
import time
import warnings
from typing import Any

from stream.broker.node import (
    HOST,
    KAFKA_VERSION,
    STARTED,
    STARTED_WITHIN_SECONDS,
    BrokerKind,
    BrokerUnavailableError,
    free_ports,
    node_properties,
)

__all__ = ["DockerBroker", "start_docker_broker"]

IMAGE = f"apache/kafka:{KAFKA_VERSION}"
ENGINE_ANSWERS_WITHIN_SECONDS = 3
PORT, CONTROLLER_PORT = 9092, 9093
LOCAL = "localhost"
"""Host of an engine on this machine, as testcontainers names it."""


class DockerBroker:
    """One Kafka node in a container on a port of this machine.

    Parameters
    ----------
    container
        A started container of testcontainers.
    bootstrap
        host:port under which clients reach it.
    """

    kind = BrokerKind.DOCKER

    def __init__(self, container: Any, bootstrap: str) -> None:
        self._container = container
        self._starts = 0
        self.bootstrap = bootstrap
        try:
            self._wait_until_started()
        except BaseException:
            self.close()
            raise

    def describe(self) -> str:
        """Return a description of the broker."""
        return f"Apache Kafka {KAFKA_VERSION} (Docker), started here at {self.bootstrap}"

    def pause(self) -> None:
        """Pause it: it stops answering, but connections stay open."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Resume it after `pause`."""
        self._container.get_wrapped_container().unpause()

    def kill(self) -> None:
        """Kill it, as a crash does."""
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        """Restart it with the same port and data; return when it answers."""
        self._container.get_wrapped_container().restart(timeout=0)
        self._wait_until_started()

    def close(self) -> None:
        """Remove the container."""
        self._container.stop()

    def _wait_until_started(self) -> None:
        self._starts += 1
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while (said := b"".join(self._container.get_logs())).count(STARTED) < self._starts:
            if time.monotonic() > deadline:
                raise BrokerUnavailableError(
                    f"Kafka did not start: {said[-500:].decode(errors='replace').strip()}"
                )
            time.sleep(0.1)


def start_docker_broker() -> DockerBroker:
    """Start Apache Kafka in a container.

    Raises
    ------
    BrokerUnavailableError
        No engine answers (the client program alone is not enough), the image is not available, or
        Kafka does not start.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # caused inside the libraries
        _check_engine()
        from testcontainers.core.container import DockerContainer

        try:
            container = DockerContainer(IMAGE)
            host, port = container.get_docker_client().host(), free_ports(1)[0]
            if host == LOCAL:  # else the engine, and with it the port, is on another machine
                host = HOST
                # with_bind_ports takes a port alone, and opens it on every interface
                container.ports[f"{PORT}/tcp"] = (HOST, port)
            else:
                container.with_bind_ports(PORT, port)
            bootstrap = f"{host}:{port}"
            container.with_envs(**_environment(bootstrap)).start()
        except Exception as error:  # engine, image, network: each library has its own
            raise BrokerUnavailableError(f"Docker could not start {IMAGE}: {error}") from error
        return DockerBroker(container, bootstrap)


def _check_engine() -> None:
    failure = _engine_failure()
    gc.collect()  # the library leaves its socket open if no engine answers: close it quietly
    if failure:
        raise BrokerUnavailableError(failure)


def _engine_failure() -> str | None:
    try:
        import docker
        import testcontainers  # noqa: F401 - optional
    except ImportError:
        return "the package testcontainers is not installed"
    try:
        client = docker.from_env(timeout=ENGINE_ANSWERS_WITHIN_SECONDS)
        try:
            client.ping()
        finally:
            client.close()
    except Exception as error:  # docker's, requests' and urllib3's errors have no common base
        return f"no Docker engine answers ({type(error).__name__})"
    return None


def _environment(bootstrap: str) -> dict[str, str]:
    properties = node_properties(
        listen=f"0.0.0.0:{PORT}",
        advertised=bootstrap,
        controller_port=CONTROLLER_PORT,
        log_dirs="/tmp/kafka-logs",
    )
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in properties.items()}
