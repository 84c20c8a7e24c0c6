"""The REST server beside BentoML with the same model: ``python -m benchmarks.rest``.

In each round both are started in turn, on one core, and the clients are on the other: first a
closed loop, in which each client waits for its answer, then a steady rate of half of what that
reached. Every answer is compared with the expected score of its lead.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.environments import python_of, version_of
from benchmarks.plain_model import without_contributions
from benchmarks.scores import TOLERANCE, expected_scores
from benchmarks.testbed import ROOT, Cores
from benchmarks.workload import NAME, artefacts, leads
from model.registry import Registry
from stream.broker.node import free_ports
from stream.process.child_process import end_child, start_child
from testing.http_load import Load, Requests, as_fast_as_possible, at_rate
from testing.process_tree import cpu_seconds, pin, process_tree

__all__ = ["SERVERS", "Server", "requests_of"]

DISTINCT = 20_000
READY_SECONDS = 120.0
WARM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the model.

    Attributes
    ----------
    name
        Name in the table.
    command
        Returns the command line, given the port.
    environment
        Returns its settings, given the registry and the file of the plain model.
    path
        Path of a score.
    body
        Returns the body of a request for a lead.
    ready
        Path that answers 200 once it can score.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    environment: Callable[[Path, Path], Mapping[str, str]]
    path: str
    body: Callable[[Mapping[str, object]], object]
    ready: str


def _leadscore(name: str, cache_seconds: int) -> Server:
    return Server(
        name,
        lambda port: (sys.executable, "-m", "stream", "serve", "--port", str(port)),
        lambda registry, _: {
            "LEADSCORE_REGISTRY": str(registry),
            "LEADSCORE_MODEL": NAME,
            "LEADSCORE_REST_CACHE_SECONDS": str(cache_seconds),
        },
        "/score-lead",
        lambda lead: lead,
        "/readyz",
    )


SERVERS = (
    _leadscore("LeadScore", 0),
    Server(
        "BentoML",
        lambda port: (
            *(python_of("bench-bento"), "-m", "bentoml", "serve", "benchmarks.rest_bento:Scores"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ),
        lambda _, model: {"BENCH_MODEL": str(model), "BENTOML_DO_NOT_TRACK": "True"},
        "/score",
        lambda lead: {"leads": [lead]},
        "/readyz",
    ),
)


def requests_of(server: Server, expected: Mapping[str, float]) -> Requests:
    """Return a request for each lead with an expected score, and the check of the answers."""
    contents = []
    for lead in leads(len(expected)):
        body = orjson.dumps(server.body(lead))
        head = (
            f"POST {server.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        contents.append(head.encode() + body)
    ids = [lead["lead_id"] for lead in leads(len(expected))]

    def is_right(number: int, status: int, body: bytes) -> bool:
        if status != 200:
            return False
        answer = orjson.loads(body)
        [answer] = answer if isinstance(answer, list) else [answer]
        lead_id = ids[number]
        is_near = abs(answer["score"] - expected[lead_id]) <= TOLERANCE
        return bool(answer["lead_id"] == lead_id and is_near)

    return Requests(contents, is_right)


@dataclass(frozen=True, slots=True)
class Round:
    """Figures of a server in one round.

    Attributes
    ----------
    full, half
        Outcome of the closed loop, and of half of its rate.
    cpu_ms, half_cpu_ms
        CPU time of the server for a request, in milliseconds, under either load.
    """

    full: Load
    half: Load
    cpu_ms: float
    half_cpu_ms: float


@contextmanager
def _running(server: Server, folder: Path, cores: Cores) -> Iterator[tuple[int, int]]:
    """Start a server; yield its port and process id."""
    [port] = free_ports(1)
    registry, model = folder / "registry", folder / "plain.onnx"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LEADSCORE_")}
    with (folder / "server.log").open("wb") as log:
        process = start_child(
            [*server.command(port)],
            env=environment | dict(server.environment(registry, model)),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(f"http://127.0.0.1:{port}{server.ready}"):
            if process.poll() is not None or time.monotonic() > deadline:
                tail = (folder / "server.log").read_text()[-2000:]
                raise SystemExit(f"{server.name} was expected to be ready, but is not:\n{tail}")
            time.sleep(0.1)
        pin(process.pid, {cores.contender})
        yield port, process.pid
    finally:
        for member in [*process_tree(process.pid)]:  # BentoML's workers outlive it
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        end_child(process)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def _measure(port: int, pid: int, requests: Requests, clients: int, seconds: float) -> Round:
    await as_fast_as_possible(port, requests, clients=clients, seconds=WARM_SECONDS)
    before = cpu_seconds(pid)
    full = await as_fast_as_possible(port, requests, clients=clients, seconds=seconds)
    between = cpu_seconds(pid)
    rate = len(full.latencies) / full.seconds / 2
    half = await at_rate(port, requests, rate=rate, clients=clients, seconds=seconds)
    after = cpu_seconds(pid)
    return Round(
        full,
        half,
        (between - before) / len(full.latencies) * 1000,
        (after - between) / len(half.latencies) * 1000,
    )


def _row(name: str, rounds: Sequence[Round]) -> str:
    def median(of: Callable[[Round], float]) -> float:
        return statistics.median(map(of, rounds))

    def percentiles(of: Callable[[Round], Load]) -> list[str]:
        found = [[of(at).percentile(share) for share in SHARES] for at in rounds]
        return [f"{statistics.median(column):.1f}" for column in zip(*found, strict=True)]

    cells = [
        f"{median(lambda at: len(at.full.latencies) / at.full.seconds):,.0f}",
        f"{median(lambda at: 1000 / at.cpu_ms):,.0f}",
        *percentiles(lambda at: at.full),
        *percentiles(lambda at: at.half),
        f"{median(lambda at: 1000 / at.half_cpu_ms):,.0f}",
        f"{sum(at.full.wrong + at.half.wrong for at in rounds)}",
        f"{sum(at.full.unanswered + at.half.unanswered for at in rounds)}",
    ]
    return f"| {name} | {' | '.join(cells)} |"


SHARES = (0.5, 0.95, 0.99)
HEAD = (
    "| server | requests/s | per CPU second | p50 ms | p95 ms | p99 ms"
    " | half load: p50 ms | p95 ms | p99 ms | per CPU second | wrong | unanswered |\n"
    f"|---|{'--:|' * 11}"
)


def main() -> int:
    """Measure both servers, and print a table; the exit code is 1 if an answer was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Example: python -m benchmarks.rest --rounds 3 --seconds 10"
    )
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=[server.name for server in SERVERS])
    options = parser.parse_args()
    servers = [server for server in SERVERS if options.only in (None, server.name)]
    cores = Cores.split()
    found: dict[str, list[Round]] = {server.name: [] for server in servers}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = artefacts()
        assert made.onnx is not None
        registry = Registry(folder / "registry")
        registry.publish(NAME, made)
        (folder / "plain.onnx").write_bytes(without_contributions(made.onnx))
        expected = expected_scores(Path(registry.resolve(NAME)), DISTINCT)
        os.sched_setaffinity(0, cores.rest)
        for _ in range(options.rounds):
            for server in servers:
                requests = requests_of(server, expected)
                with _running(server, folder, cores) as (port, pid):
                    found[server.name].append(
                        asyncio.run(_measure(port, pid, requests, options.clients, options.seconds))
                    )
    version = version_of("bentoml", "bench-bento")
    print(
        f"{options.clients} clients, {options.rounds} rounds of {options.seconds:g} s; BentoML"
        f" {version}\n\n{HEAD}"
    )
    for server in servers:
        print(_row(server.name, found[server.name]))
    return int(any(at.full.wrong + at.half.wrong for all in found.values() for at in all))


if __name__ == "__main__":
    sys.exit(main())
