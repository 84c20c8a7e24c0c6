"""Java is found, and Kafka's jars are fetched once."""

from __future__ import annotations

import stat
import sys
import threading
from pathlib import Path

import pytest

from stream.broker import java as broker_java
from stream.broker.java import fetch_jars, find_java
from stream.broker.node import BrokerUnavailableError


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


def test_no_java_and_a_broken_java_are_errors(programs: Path) -> None:
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


def test_files_of_an_interrupted_download_are_replaced(programs: Path, tmp_path: Path) -> None:
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


def test_no_maven_is_an_error(programs: Path) -> None:
    with pytest.raises(BrokerUnavailableError, match="install mvn"):
        fetch_jars("9.9")


def test_pom_and_log_settings_come_with_the_package() -> None:
    assert "kafka_2.13" in (broker_java.PACKAGED / "pom.xml").read_text()
    log_settings = (broker_java.PACKAGED / "log4j.properties").read_text()
    assert "kafka.server.KafkaRaftServer=INFO" in log_settings
