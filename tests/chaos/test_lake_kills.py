"""A backfill whose shards are killed at drawn points of their work: every row is scored once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from model.bundle import Bundle
from testing.process_tree import cpu_seconds
from tests.integration.lake_data import (
    by_lead,
    contacts_table,
    expected_scores,
    run_score,
    score_command,
)
from tests.integration.s3_server import S3, s3_server

ROUNDS = 10
"""Times that both shards are started and killed, at most."""
MOST_PARTS = 12
"""Parts that may be completed in a round before a shard is killed."""
MOST_WORK = 0.3
"""Seconds of CPU time that the shard works on the next part before the kill, at most."""
PAUSE = 0.02
"""Seconds between two looks at a shard's progress."""
COPIES = 3
"""Copies of the bank's contacts: about 124,000 rows, some seconds of work."""
GROUP = 2_000


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.files.mkdir("lake")
        yield server


class Output:
    """The output folder: what is in it, and whether a file has been replaced."""

    def __init__(self, location: str, files: Any) -> None:
        self.location = location
        self._files = files
        self._path = location.removeprefix("s3://")

    def published(self) -> dict[str, str]:
        """Return what identifies each file that a reader sees."""
        self._files.invalidate_cache()
        found = self._files.find(self._path, detail=True) if self._files.exists(self._path) else {}
        return {
            name: str([info.get(key) for key in ("ino", "mtime", "ETag", "LastModified", "size")])
            for name, info in found.items()
            if "/_temporary/" not in name
        }

    def parts(self) -> int:
        """Return how many parts are complete."""
        return sum("/_manifest/parts/" in name for name in self.published())

    def rows(self) -> Iterator[dict[str, Any]]:
        for name in self._files.glob(f"{self._path}/part-*.parquet"):
            with self._files.open(name, "rb") as file:
                yield from pa.parquet.read_table(file).to_pylist()


def write_copies(folder: Path) -> tuple[Any, int]:
    """Write copies of the contacts with ids of their own; return one table, and its row groups."""
    contacts = contacts_table()
    folder.mkdir()
    tables = []
    at = contacts.schema.get_field_index("lead_id")
    for copy in range(COPIES):
        ids = [f"{lead_id}-{copy}" for lead_id in contacts.column("lead_id").to_pylist()]
        tables.append(contacts.set_column(at, "lead_id", pa.array(ids)))
        pa.parquet.write_table(tables[-1], folder / f"{copy}.parquet", row_group_size=GROUP)
    return pa.concat_tables(tables), COPIES * -(-contacts.num_rows // GROUP)


def until(is_reached: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has reached a point of its work, or has ended."""
    while process.poll() is None and not is_reached():
        time.sleep(PAUSE)


def kill_at(process: subprocess.Popen[bytes], output: Output, *, parts: int, work: float) -> None:
    """Kill a shard once parts were completed and it has worked on, in seconds of CPU time."""
    wanted = output.parts() + parts
    until(lambda: output.parts() >= wanted, process)
    reached = cpu_seconds(process.pid) + work
    until(lambda: cpu_seconds(process.pid) >= reached, process)
    process.send_signal(signal.SIGKILL)


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("store", ["disk", "s3"])
def test_rows_are_scored_once_whatever_is_killed(
    bank_model: Bundle, tmp_path: Path, chance: Random, s3: S3, store: str
) -> None:
    """Two shards at once, each killed at its own point: the command, and so its processes."""
    table, parts = write_copies(tmp_path / "in")
    expected = expected_scores(bank_model, table, tmp_path)
    if store == "s3":
        output = Output(f"s3://lake/scores-{chance.randrange(10**9)}", s3.files)
    else:
        output = Output(str(tmp_path / "out"), fsspec.filesystem("file"))
    given = (tmp_path / "in", "--out", output.location, "--rows-per-file", str(GROUP))
    environment = os.environ | s3.environment

    written: dict[str, str] = {}
    progress = []
    for _ in range(ROUNDS):
        with ExitStack() as running:
            processes = [
                running.enter_context(
                    subprocess.Popen(
                        score_command(
                            *(bank_model, *given, "--shard", f"{shard}/2"),
                            *("--workers", chance.choice("12")),
                        ),
                        env=environment,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                )
                for shard in (1, 2)
            ]
            chance.shuffle(processes)
            for process in processes:
                kill_at(
                    *(process, output),
                    parts=chance.randint(0, MOST_PARTS),
                    work=chance.uniform(0.0, MOST_WORK),
                )
        now = output.published()
        assert {name: now[name] for name in written} == written, "a file was replaced"
        written = now
        progress.append(output.parts())
        if progress[-1] == parts:
            break
    assert any(0 < done < parts for done in progress), f"nothing was killed half done: {progress}"

    result = run_score(bank_model, *given, "--json", environment=s3.environment)
    assert result.returncode == 0, result.stderr
    account = json.loads(result.stdout.splitlines()[-1])
    assert account["rows"] == account["scored"] == len(expected)
    now = output.published()
    assert {name: now[name] for name in written} == written, "a file was replaced"
    assert by_lead(output.rows()) == expected
    assert store == "s3" or not (tmp_path / "out" / "_temporary").exists()
