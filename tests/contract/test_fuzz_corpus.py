"""Regression test of fuzzing: every input of the corpus, in a process of little memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz.limits import TooSlowError, bound_memory, timed
from tests.fuzz.replay import CORPUS
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
MOST_BYTES = 200_000
"""Most bytes of the corpus."""


@pytest.mark.long
def test_no_input_of_the_corpus_is_a_fault() -> None:
    replayed = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.replay"], cwd=ROOT, capture_output=True, check=False
    )
    taken = replayed.stdout.splitlines()
    assert replayed.returncode == 0, (taken[-1:], replayed.stderr.decode()[-3000:])
    assert len(taken) == sum(1 for file in CORPUS.rglob("*") if file.is_file())


def test_every_target_has_a_corpus_and_it_is_small() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert all(any((CORPUS / name).iterdir()) for name in TARGETS)
    sizes = [file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()]
    assert sum(sizes) < MOST_BYTES


def test_a_slow_input_is_a_fault() -> None:
    def slow(value: bytes) -> None:
        until = time.process_time() + float(value)
        while time.process_time() < until:
            pass

    timed(slow)(b"0")
    with pytest.raises(TooSlowError, match="expected at most 1"):
        timed(slow)(b"1.1")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")
def test_a_hungry_input_is_a_fault_and_the_bound_ends_with_it() -> None:
    with bound_memory(200), pytest.raises(MemoryError):
        bytearray(2**30)
    assert len(bytearray(2**30)) == 2**30


@pytest.mark.long
def test_fuzzing_finds_what_is_wrong(tmp_path: Path) -> None:
    """Without atheris too: inputs are drawn blindly, and the one to blame is left behind."""
    script = (
        "import sys; sys.modules['atheris'] = None\n"
        "from tests.fuzz import campaign, targets\n"
        "from dataclasses import replace\n"
        "from contextlib import contextmanager\n"
        "def feed(value):\n"
        "    assert b'\\xff\\xff\\xff' not in value\n"
        "@contextmanager\n"
        "def opened():\n"
        "    yield feed\n"
        "wrong = replace(targets.TARGETS['options'], opened=opened)\n"
        "targets.TARGETS = {'options': wrong}\n"
        f"sys.exit(campaign.main(['options', '60', {str(tmp_path)!r}]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False
    )
    assert ended.returncode == 1, ended.stderr.decode()[-3000:]
    [fault] = (tmp_path / "faults").iterdir()
    assert b"\xff\xff\xff" in fault.read_bytes()
