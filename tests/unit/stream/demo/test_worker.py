"""The demo's parts that need no Kafka: what its screen shows, and how it runs a worker."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.demo.worker import DemoWorker, write_snapshot

# The worker as a child process

SERVER = """
import http.server, os, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = {"/readyz": "ready", "/metrics": os.environ["LEADSCORE_MODEL"]}.get(self.path)
        self.send_response(200 if text is not None else 503)
        self.end_headers()
        self.wfile.write((text or "not here").encode())
    def log_message(self, *_): pass
server = http.server.HTTPServer((os.environ["LEADSCORE_HTTP_HOST"], 0), Answers)
with open(os.environ["LEADSCORE_HTTP_PORT_FILE"], "w") as file:
    file.write(str(server.server_port))
server.serve_forever()
"""
"""As much of a worker as the demo asks for."""


def worker_of(program: str, folder: Path) -> DemoWorker:
    return DemoWorker({"LEADSCORE_MODEL": "bank"}, folder, (sys.executable, "-c", program))


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoWorker]:
    monkeypatch.setenv("LEADSCORE_MODEL", "of-the-environment")
    worker = worker_of(SERVER, tmp_path)
    yield worker
    worker.end()


async def test_a_worker_is_waited_for_asked_and_stopped(worker: DemoWorker) -> None:
    await worker.ready()
    assert worker.metrics() == "bank"
    assert worker.ask("/healthz") == (503, "not here")
    worker.check()
    assert await worker.stop() == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)
    assert worker.ask("/metrics") is None
    assert worker.metrics() == ""


async def test_a_worker_that_ends_is_reported_with_its_last_log_lines(tmp_path: Path) -> None:
    worker = worker_of("import sys; print('so it goes', file=sys.stderr); sys.exit(3)", tmp_path)
    try:
        with pytest.raises(StartupError, match="it ended with code 3: so it goes"):
            await worker.ready()
    finally:
        worker.end()


async def test_the_port_of_an_earlier_run_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "worker.port").write_text("1")
    worker = worker_of("import time; time.sleep(60)", tmp_path)
    try:
        assert worker.ask("/readyz") is None
    finally:
        worker.end()


async def test_a_report_that_takes_too_long_says_so_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "stream.demo.worker.SNAPSHOT", (sys.executable, "-c", "import time; time.sleep(60)")
    )
    monkeypatch.setattr("stream.demo.worker.SNAPSHOT_WITHIN", 0.05)

    assert await write_snapshot({}, tmp_path, "10m") is None
    assert (tmp_path / "snapshot.log").read_text() == "ended: no report within 0.05 s\n"
