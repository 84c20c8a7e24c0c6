"""Processes that score parts: each part once, errors passed on, none left behind."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lake.plan import PartAccount
from schemas.errors import InputError, StartupError
from stream.backfill.processes import score_parts

ANSWERS = """
import json, os, sys
with open(os.path.join(sys.argv[1], str(os.getpid())), "w"):
    pass
for line in sys.stdin:
    number = int(line)
    print(json.dumps({"rows": 5}), flush=True)
    if number in WRONG:
        WRONG[number]()
    account = {
        "part": number, "rows": 10, "scored": 10, "rejected": {},
        "output": {"name": "x", "size": 1, "sha256": "0"},
    }
    print(json.dumps({"rows": 5}), flush=True)
    print(json.dumps({"part": account}), flush=True)
"""
REFUSES = """
import json
WRONG = {3: lambda: print(json.dumps({"error": "InputError", "message": "no such column"}))}
"""
DIES = """
import os, signal
WRONG = {3: lambda: os.kill(os.getpid(), signal.SIGKILL)}
"""


def run(tmp_path: Path, numbers: range, count: int, before: str = "WRONG = {}") -> list[int]:
    """Score parts by a program that pretends; return their numbers in order."""
    done: list[PartAccount] = []
    rows: list[int] = []
    program = [sys.executable, "-c", before + ANSWERS]
    score_parts(str(tmp_path), numbers, count, rows.append, done.append, program)
    assert sum(rows) == 10 * len(done)
    return sorted(account.part for account in done)


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return "(python" in Path(f"/proc/{pid}/stat").read_text()
    return False


def assert_none_is_left(tmp_path: Path) -> None:
    assert not any(is_alive(int(path.name)) for path in tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 3])
def test_each_part_is_scored_once(tmp_path: Path, count: int) -> None:
    assert run(tmp_path, range(20), count) == list(range(20))
    assert_none_is_left(tmp_path)


def test_no_parts_no_work(tmp_path: Path) -> None:
    assert run(tmp_path, range(0), 2) == []


def test_an_error_of_a_process_stops_the_others(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such column"):
        run(tmp_path, range(500), 2, REFUSES)
    assert_none_is_left(tmp_path)


def test_a_process_that_is_killed_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"ended with -9.*continues where it was"):
        run(tmp_path, range(500), 2, DIES)
    assert_none_is_left(tmp_path)


def test_a_process_that_cannot_begin_says_why(tmp_path: Path) -> None:
    refuses = (
        'import json, sys\nprint(json.dumps({"error": "StartupError", "message": "no store"}))'
    )
    with pytest.raises(StartupError, match="no store"):
        run(tmp_path, range(3), 1, f"{refuses}\nsys.exit(1)")


def test_an_interruption_ends_the_processes(tmp_path: Path) -> None:
    def interrupt(_: PartAccount) -> None:
        raise KeyboardInterrupt

    program = [sys.executable, "-c", "WRONG = {}" + ANSWERS]
    with pytest.raises(KeyboardInterrupt):
        score_parts(str(tmp_path), range(500), 2, lambda _: None, interrupt, program)
    assert_none_is_left(tmp_path)
