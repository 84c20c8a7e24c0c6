"""librdkafka's mock broker, from the confluent-kafka wheel: it needs nothing but pip.

It suffices for the demo but is no substitute for Kafka: no offsets by time, no topic configuration,
no requests to create topics (use ``create_topics``), and 5 MiB per partition. A metadata request
for an unknown topic creates it with four partitions.

It runs as a child process, so that it outlives event loops.
"""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stream.broker.node import BrokerKind, BrokerUnavailableError
from stream.process.child_process import end_child, start_child

__all__ = ["MockBroker", "main", "start_mock_broker"]

LIBRARIES = (
    "confluent_kafka.libs/librdkafka*.so*",
    "confluent_kafka/.dylibs/librdkafka*.dylib",
    "confluent_kafka.libs/*rdkafka*.dll",
)
DONE = "done"


class MockBroker:
    """The mock broker in a child process.

    Raises
    ------
    BrokerUnavailableError
        It does not start.
    """

    kind = BrokerKind.MOCK

    def __init__(self) -> None:
        self._process = start_child(
            [sys.executable, "-c", "from stream.broker.mock import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        try:
            self.bootstrap = self._ask("start")
        except BaseException:
            self.close()
            raise

    def describe(self) -> str:
        """Return a description of the broker."""
        return f"librdkafka's mock broker (not Apache Kafka), started here at {self.bootstrap}"

    def create_topics(self, partitions: Mapping[str, int]) -> None:
        """Create topics.

        Parameters
        ----------
        partitions
            Number of partitions by topic.

        Raises
        ------
        BrokerUnavailableError
            It refuses, for example because the topic exists.
        """
        for topic, count in partitions.items():
            self._ask(f"create {topic} {count}")

    def close(self) -> None:
        """Stop it; its data are lost."""
        end_child(self._process)

    def _ask(self, request: str) -> str:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(f"{request}\n")
            answer: str = answers.readline().strip()
        except BrokenPipeError:
            answer = ""
        word, _, rest = answer.partition(" ")
        if word != DONE:
            raise BrokerUnavailableError(f"the mock broker refused `{request}`: {answer or 'gone'}")
        return rest


def start_mock_broker() -> MockBroker:
    """Start the mock broker.

    Raises
    ------
    BrokerUnavailableError
        confluent-kafka is not installed, or its library does not load.
    """
    if importlib.util.find_spec("confluent_kafka") is None:
        raise BrokerUnavailableError("the package confluent-kafka is not installed")
    return MockBroker()


class _Cluster:
    """A mock cluster of one broker, through librdkafka's C functions (rdkafka_mock.h)."""

    def __init__(self) -> None:
        library = _load_library()
        error = ctypes.create_string_buffer(512)
        configuration = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(configuration, b"log_level", b"2", error, 512)
        producer = 0
        client = library.rd_kafka_new(producer, configuration, error, 512)
        if not client:
            raise BrokerUnavailableError(error.value.decode())
        self._library = library
        self._cluster = library.rd_kafka_mock_cluster_new(client, 1)
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def bootstrap(self) -> str:
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        code = self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code:
            raise BrokerUnavailableError(f"librdkafka says {code}: does the topic exist already?")


def _load_library() -> Any:
    import confluent_kafka

    packages = Path(confluent_kafka.__file__).parents[1]
    paths = [str(path) for pattern in LIBRARIES for path in sorted(packages.glob(pattern))]
    library = ctypes.CDLL([*paths, "librdkafka.so.1"][0])
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [pointer, ctypes.c_int32]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def main() -> None:
    """Serve requests from standard input, one per line, until it ends."""
    cluster: _Cluster | None = None
    for line in sys.stdin:
        word, *arguments = line.split()
        try:
            if word == "start":
                cluster = _Cluster()
                answer = cluster.bootstrap
            elif word == "create" and cluster is not None:
                cluster.create_topic(arguments[0], int(arguments[1]))
                answer = arguments[0]
            else:
                raise BrokerUnavailableError(f"expected start or create, not {line!r}")
            print(DONE, answer, flush=True)
        except (BrokerUnavailableError, OSError, AttributeError) as error:
            print("failed", error, flush=True)
