"""`leadscore serve` as a process: drawn requests keep its schema, and it stops cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from model.bundle import Bundle
from stream.process.child_process import end_child, start_child

TOKEN = "token-of-a-test"
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
NOT_OF_THE_SCHEMA = "positive_data_acceptance,negative_data_rejection"
"""Checks that the decoder breaks: it refuses a time before 1990, which is a valid
date-time, and accepts any value of a field that the model does not read, as on Kafka."""


@contextmanager
def serving(model: Bundle, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield the URL of a server of the bank's model, and its process, once it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start_child(
        [sys.executable, "-m", "stream", "serve", "--port", str(port)],
        env=os.environ
        | {
            "LEADSCORE_REGISTRY": str(Path(model.location).parents[1]),
            "LEADSCORE_MODEL": "bank",
            "LEADSCORE_CONTRACT": "bank_contact",
            "LEADSCORE_ENV": "production",
            "LEADSCORE_REST_TOKEN": TOKEN,
            **environment,
        },
        stderr=subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for line in process.stderr or ():
            if b'"message":"model"' in line:
                break
        yield url, process
    finally:
        end_child(process)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_drawn_requests_get_answers_of_the_schema(bank_model: Bundle) -> None:
    with serving(bank_model) as (url, process):
        run = subprocess.run(
            [
                *(SCHEMATHESIS, "run", f"{url}/openapi.json", "--no-color"),
                *("--header", f"Authorization: Bearer {TOKEN}"),
                *("--exclude-checks", NOT_OF_THE_SCHEMA),
                *("--max-examples", "10", "--seed", "7"),
            ],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout[-5000:]
        assert process.poll() is None


def test_it_stops_with_code_0_and_answers_what_it_has_accepted(bank_model: Bundle) -> None:
    with serving(bank_model) as (url, process):
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{url}/score-lead", json={"lead_id": "a"}, headers=headers)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert answer.json()["model_sha256"] == bank_model.sha256
