from __future__ import annotations

import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.broker import Broker, BrokerKind, GivenBroker, find_given_broker, pick_broker
from stream.broker import java as broker_java
from stream.broker.docker import start_docker_broker
from stream.broker.java import fetch_jars, find_java
from stream.broker.node import BrokerUnavailableError, free_ports, node_properties
from stream.process.child_process import end_child, start_child


class FakeBroker:
    """A broker that is only a name."""

    def __init__(self, kind: BrokerKind) -> None:
        self.kind = kind
        self.bootstrap = f"{kind}:9092"

    def describe(self) -> str:
        return self.kind

    def close(self) -> None: ...


def starters(*available: BrokerKind) -> dict[BrokerKind, Callable[[], Broker]]:
    def starter(kind: BrokerKind) -> Callable[[], Broker]:
        def start() -> Broker:
            if kind not in available:
                raise BrokerUnavailableError(f"{kind} is not here")
            return FakeBroker(kind)

        return start

    return {kind: starter(kind) for kind in BrokerKind}


def program(folder: Path, name: str, script: str) -> None:
    """Put a fake program into a folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.mark.parametrize("first", list(BrokerKind))
def test_brokers_are_tried_in_order(first: BrokerKind) -> None:
    kinds = tuple(BrokerKind)
    available = kinds[kinds.index(first) :]

    assert pick_broker(kinds, starters(*available)).kind is first


def test_only_the_kinds_that_are_asked_for_are_tried() -> None:
    with pytest.raises(StartupError, match="docker: docker is not here; java: java is not here"):
        pick_broker((BrokerKind.DOCKER, BrokerKind.JAVA), starters(BrokerKind.MOCK))


def test_no_broker_is_told_with_every_reason_and_the_remedy() -> None:
    with pytest.raises(StartupError) as failure:
        pick_broker(tuple(BrokerKind), starters())

    for kind in BrokerKind:
        assert f"{kind} is not here" in str(failure.value)
    assert "set KAFKA_BOOTSTRAP_SERVERS, start Docker, or install Java 17" in str(failure.value)


def test_a_given_broker_is_taken_when_somebody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        dead = f"127.0.0.1:{free_ports(1)[0]}"

        broker = find_given_broker({"KAFKA_BOOTSTRAP_SERVERS": f"{dead},{address}"})

    assert broker.bootstrap == f"{dead},{address}"
    assert address in broker.describe()


def test_a_given_broker_that_does_not_answer_stops_the_search() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"

    with pytest.raises(StartupError, match=f"expected a Kafka broker at {address}"):
        GivenBroker(address)


def test_our_variable_wins_and_none_is_no_broker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        both = {"LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": address, "KAFKA_BOOTSTRAP_SERVERS": "other:1"}
        assert find_given_broker(both).bootstrap == address

    with pytest.raises(BrokerUnavailableError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        find_given_broker({"KAFKA_BOOTSTRAP_SERVERS": ""})


def test_a_docker_client_without_an_engine_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with pytest.raises(BrokerUnavailableError, match="no Docker engine answers"):
        start_docker_broker()


def test_ports_are_free_apart_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_000 for port in ports)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_not_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = free_ports(2)
    picks = iter([taken, taken, free])
    monkeypatch.setattr("random.randrange", lambda *_: next(picks))

    with socket.create_server(("127.0.0.1", taken)):
        assert free_ports(1) == [free]


def test_a_node_never_makes_topics_by_itself() -> None:
    properties = node_properties(
        listen="0.0.0.0:9092", advertised="localhost:20001", controller_port=9093, log_dirs="/d"
    )

    assert properties["auto.create.topics.enable"] == "false"
    assert properties["listeners"] == "PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["advertised.listeners"] == "PLAINTEXT://localhost:20001"


def java_that_says(version: str) -> str:
    return f"import sys; print('openjdk version \"{version}\"', file=sys.stderr)"


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.1"])
def test_a_new_enough_java_is_found(programs: Path, version: str) -> None:
    program(programs, "java", java_that_says(version))

    assert find_java() == str(programs / "java")


@pytest.mark.parametrize("version", ["1.8.0_452", "11.0.2", "16"])
def test_an_old_java_is_refused(programs: Path, version: str) -> None:
    program(programs, "java", java_that_says(version))

    with pytest.raises(BrokerUnavailableError, match=f"Java 17 or newer, it says .*{version}"):
        find_java()


def test_java_home_wins(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "java", java_that_says("11"))
    (tmp_path / "jdk").mkdir()
    program(tmp_path / "jdk" / "bin", "java", java_that_says("21"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))

    assert find_java() == str(tmp_path / "jdk" / "bin" / "java")


def test_no_java_and_a_broken_java_are_told(programs: Path) -> None:
    with pytest.raises(BrokerUnavailableError, match="install Java 17"):
        find_java()

    program(programs, "java", "raise SystemExit(1)")
    with pytest.raises(BrokerUnavailableError, match="does not run"):
        find_java()


MAVEN = """
import pathlib, sys
[folder] = [a.partition("=")[2] for a in sys.argv if a.startswith("-DoutputDirectory=")]
pathlib.Path(folder).mkdir(parents=True)
pathlib.Path(folder, "kafka.jar").touch()
with open({calls!r}, "a") as calls:
    calls.write("called\\n")
"""


def test_jars_are_fetched_once(programs: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    program(programs, "mvn", MAVEN.format(calls=str(calls)))

    threads = [threading.Thread(target=fetch_jars, args=("9.9",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    jars = fetch_jars("9.9")
    assert jars == tmp_path / "cache" / "leadscore" / "kafka-9.9" / "libs"
    assert [jar.name for jar in jars.iterdir()] == ["kafka.jar"]
    assert calls.read_text() == "called\n"


def test_what_an_interrupted_fetch_left_is_replaced(programs: Path, tmp_path: Path) -> None:
    program(programs, "mvn", MAVEN.format(calls=str(tmp_path / "calls")))
    half = tmp_path / "cache" / "leadscore" / "kafka-9.9" / "libs"
    half.mkdir(parents=True)
    (half / "half.jar").touch()

    assert [jar.name for jar in fetch_jars("9.9").iterdir()] == ["kafka.jar"]


def test_a_failing_fetch_leaves_nothing_and_says_why(programs: Path, tmp_path: Path) -> None:
    program(programs, "mvn", "print('[ERROR] no route to host'); raise SystemExit(1)")

    with pytest.raises(BrokerUnavailableError, match="no route to host"):
        fetch_jars("9.9")

    left = [path.name for path in (tmp_path / "cache" / "leadscore").iterdir()]
    assert left == ["kafka-9.9.lock"]


def test_no_maven_is_told(programs: Path) -> None:
    with pytest.raises(BrokerUnavailableError, match="install mvn"):
        fetch_jars("9.9")


def test_pom_and_log_settings_come_with_the_package() -> None:
    assert "kafka_2.13" in (broker_java.PACKAGED / "pom.xml").read_text()
    log_settings = (broker_java.PACKAGED / "log4j.properties").read_text()
    assert "kafka.server.KafkaRaftServer=INFO" in log_settings


def test_a_child_is_the_program_itself_and_can_be_ended() -> None:
    child = start_child(
        [sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None

    assert int(child.stdout.readline()) == child.pid
    end_child(child)

    assert child.returncode == -9


def test_children_end_with_a_parent_that_forgets_them() -> None:
    parent = """
import sys
from stream.process.child_process import start_child
child = start_child([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"])
print(child.pid, flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", parent], capture_output=True, text=True, timeout=30, check=True
    )  # returns only when the child, too, has let go of standard output

    assert done.stdout
