"""A worker on a terminal: what it shows from its start to its end, on real Kafka."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from schemas.wire import WireFormat
from stream.demo.worker import WORKER
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.integration.worker_process import CONTACT, Stage

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LEADS = 600


class OnATerminal:
    """A worker whose output is a terminal.

    Attributes
    ----------
    shown
        What it has written so far.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.shown = ""
        self._terminal, inside = pty.openpty()
        own = {k: v for k, v in os.environ.items() if not k.startswith("LEADSCORE_")}
        here = {"LEADSCORE_HTTP_PORT": "0", "LEADSCORE_HTTP_HOST": "127.0.0.1", "COLUMNS": "100"}
        self.process = subprocess.Popen(
            WORKER, env=own | environment | here, stdout=inside, stderr=inside, stdin=inside
        )
        os.close(inside)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                written = os.read(self._terminal, 65536)
            except OSError:  # nobody has the terminal any more
                return
            self.shown += COLOURS.sub("", written.decode()).replace("\r", "")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._terminal)


@pytest.fixture
def worker(stage: Stage) -> Iterator[OnATerminal]:
    worker = OnATerminal(stage.environment)
    yield worker
    worker.close()


async def test_it_says_what_it_does_when_it_is_ready_and_what_became_of_all_leads(
    stage: Stage, worker: OnATerminal, contacts: list[Lead]
) -> None:
    await until(lambda: "\nReady " in worker.shown, within=120, what="a ready worker")
    maker = EventMaker(CONTACT, WireFormat.AVRO, bad_share=0.1, seed=1)
    played = await stage.play(contacts[:LEADS], as_event=maker)
    ends = {partition: runs[-1].stop for partition, runs in played.offsets.items()}

    async def are_done() -> bool:
        committed = await stage.committed()
        return all(committed.get(partition) == end for partition, end in ends.items())

    await until(are_done, within=120, what="all leads done")
    await until(lambda: "\nDead " in worker.shown, within=120, what="a line on dead letters")
    worker.process.send_signal(signal.SIGINT)
    await until(lambda: worker.process.poll() is not None, within=120, what="the worker's end")
    assert worker.process.returncode == 0, worker.shown
    labels = [line.split()[0] for line in worker.shown.splitlines() if line[:1] != " "]
    for first, then in zip(
        ("LeadScore", "Kafka", "Reads", "Writes", "Ready", "Dead", "Stopping"),
        ("Kafka", "Reads", "Writes", "Ready", "Dead", "Stopping", "Stopped"),
        strict=True,
    ):
        assert labels.index(first) < labels.index(then), worker.shown
    assert "-INT-" not in worker.shown
    assert "{" not in worker.shown.partition("Ready")[0]
    assert "ERROR" not in worker.shown
    account = " ".join(worker.shown.partition("\nStopped ")[2].split())
    records, scored, dead = (
        int(number.replace(",", ""))
        for number in re.findall(r"([\d,]+) (?:records read|scored|dead letters)", account)
    )
    assert records == scored + dead == played.sent
    assert dead > 0
