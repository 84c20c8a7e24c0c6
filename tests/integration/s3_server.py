"""A real S3 server on this machine: moto's, which enforces conditional requests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import fsspec

from stream.broker.node import HOST, free_ports
from stream.process.child_process import end_child, start_child

__all__ = ["S3", "s3_server"]

STARTED_WITHIN = 60.0
KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ALLOW_HTTP": "true",
}
"""Variables of clients; deltalake reads AWS_ALLOW_HTTP."""


class S3:
    """A running server.

    Parameters
    ----------
    url
        Where it listens.
    """

    def __init__(self, url: str) -> None:
        self.environment = {**KEYS, "AWS_ENDPOINT_URL": url}
        self.files = fsspec.filesystem(
            "s3",
            key=KEYS["AWS_ACCESS_KEY_ID"],
            secret=KEYS["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=url,
            client_kwargs={"region_name": KEYS["AWS_DEFAULT_REGION"]},
            use_listings_cache=False,
            skip_instance_cache=True,
        )


@contextmanager
def s3_server() -> Iterator[S3]:
    """Run a server without buckets."""
    [port] = free_ports(1)
    url = f"http://{HOST}:{port}"
    process = start_child(
        [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)],
        env=os.environ | KEYS,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(process, url)
        yield S3(url)
    finally:
        end_child(process)


def _until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, "moto's server has ended: is moto[server] installed?"
        try:
            with urllib.request.urlopen(f"{url}/moto-api/", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"moto's server does not answer at {url}")
