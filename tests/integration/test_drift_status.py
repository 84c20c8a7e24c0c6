"""`leadscore drift status` on real Kafka: what is on the topic, and what comes to it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from agents.drift_reports import Report
from stream.broker import Broker
from stream.broker.node import free_ports
from stream.drift.status import LATEST
from stream.process.child_process import end_child, start_child
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.unit.stream.drift.drift_made import END, WINDOW, alarm, report

STATUS = (sys.executable, "-m", "stream", "drift", "status")


class Shell:
    """Where the command is called."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path) -> None:
        given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
        self._environment = {
            **given,
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LEADSCORE_TOPIC_PREFIX": prefix,
            "TERM": "xterm-256color",
            "COLUMNS": "80",
            "LINES": "24",
        }
        self._folder = folder
        self._watching: subprocess.Popen[bytes] | None = None
        self._screen = self._terminal = -1

    async def call(self, *arguments: str) -> tuple[int, str, str]:
        """Call it to its end; returns its exit code and what it wrote."""
        outputs = self._folder / "out", self._folder / "err"
        with outputs[0].open("wb") as out, outputs[1].open("wb") as err:
            child = start_child(
                (*STATUS, *arguments), env=self._environment, stdout=out, stderr=err
            )
        try:
            await until(lambda: child.poll() is not None, what="the command's end")
        finally:
            end_child(child)
        return child.returncode, outputs[0].read_text(), outputs[1].read_text()

    def watch(self) -> None:
        """Run the command on a terminal until the test ends."""
        self._screen, self._terminal = pty.openpty()
        os.set_blocking(self._screen, False)
        self._seen = ""
        self._watching = start_child(
            (*STATUS, "--watch"),
            env=self._environment,
            stdout=self._terminal,
            stderr=self._terminal,
        )

    def shows(self, words: str) -> bool:
        """Return whether the terminal has shown a text."""
        assert self._watching is not None
        while True:
            try:
                self._seen += os.read(self._screen, 65_536).decode(errors="replace")
            except BlockingIOError:
                break
        assert self._watching.poll() is None, self._seen
        return words in self._seen

    async def stop(self, number: signal.Signals) -> int:
        """Stop watching; returns the exit code."""
        child = self._watching
        assert child is not None
        child.send_signal(number)
        await until(lambda: child.poll() is not None, what="the end of watching")
        return child.returncode

    def close(self) -> None:
        if self._watching is not None:
            end_child(self._watching)
            os.close(self._screen)
            os.close(self._terminal)


@pytest.fixture
def shell(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(kafka.bootstrap, topics.prefix, tmp_path)
    yield shell
    shell.close()


async def tell(topics: TopicFactory, topic: str, *made: Report) -> None:
    """Write reports as the drift worker does."""
    source = topics.prefix + "leads.created"
    values = [Record(replace(one, topic=source).encode(), one.key) for one in made]
    await produce(topics.bootstrap, topic, values)


async def test_it_shows_the_reports_of_the_topic(shell: Shell, topics: TopicFactory) -> None:
    topic = await topics.create("leads.drift")
    past = [report(end=END - (LATEST - n) * WINDOW) for n in range(LATEST)]
    await tell(topics, topic, *past, report(leads=700), report(leads=90), alarm("age"))

    code, said, errors = await shell.call()
    assert (code, errors) == (0, "")
    assert "2026-05-28 20:25 to 20:30 UTC, 700 leads" in said
    rows = [line.split()[0] for line in said.splitlines() if "ks " in line or "chi2 " in line]
    assert rows == ["euribor3m", "job", "education", "campaign", "age", "score"]
    assert "critical over 24h of 123,456 leads." in said

    code, said, _ = await shell.call("--json", "--horizon", "1h")
    assert code == 0
    assert orjson.loads(said)["window"]["leads"] == 700


async def test_an_empty_topic_a_missing_one_and_no_broker_have_different_sentences(
    shell: Shell, topics: TopicFactory, tmp_path: Path
) -> None:
    code, _, errors = await shell.call()
    assert code == 3
    assert f"expected the topic {topics.prefix}leads.drift, but it does not exist" in errors
    assert "leadscore topics create" in " ".join(errors.split())

    await topics.create("leads.drift")
    code, said, errors = await shell.call()
    assert (code, errors) == (0, "")
    assert "has no report of a window yet" in said

    [port] = free_ports(1)
    code, _, errors = await Shell(f"127.0.0.1:{port}", "", tmp_path).call()
    assert code == 3
    assert f"expected Kafka to answer at 127.0.0.1:{port}" in errors


async def test_a_record_that_is_no_report_is_left_out(shell: Shell, topics: TopicFactory) -> None:
    topic = await topics.create("leads.drift")
    await tell(topics, topic, report())
    await produce(topics.bootstrap, topic, [b"no report"])
    code, said, errors = await shell.call()
    assert code == 0
    assert "412 leads" in said
    assert f"ignored the invalid record at offset 1 of {topic}" in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_watching_follows_the_topic_until_it_is_stopped(
    shell: Shell, topics: TopicFactory, number: signal.Signals
) -> None:
    topic = await topics.create("leads.drift")
    shell.watch()
    await until(lambda: shell.shows("no report of a window"), what="that there is nothing yet")
    await tell(topics, topic, report(), alarm("age"))
    await until(lambda: shell.shows("euribor3m"), what="the fields")
    await until(lambda: shell.shows("over 24h of 123,456 leads."), what="the alarm")
    assert not shell.shows("20:30 to 20:35")
    await tell(topics, topic, report(end=END + WINDOW))
    await until(lambda: shell.shows("20:30 to 20:35"), what="the next window")
    assert await shell.stop(number) == 130
