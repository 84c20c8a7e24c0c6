"""A child process is ended by its parent, or ends with it."""

from __future__ import annotations

import subprocess
import sys

from stream.process.child_process import end_child, start_child


def test_a_child_is_the_program_itself_and_can_be_ended() -> None:
    child = start_child(
        [sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None

    assert int(child.stdout.readline()) == child.pid
    end_child(child)

    assert child.returncode == -9


def test_a_dead_child_that_was_to_get_more_can_be_ended() -> None:
    child = start_child([sys.executable, "-c", "raise SystemExit(3)"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(b"more")  # kept by the pipe's buffer
    assert child.wait(30) == 3
    end_child(child)
    assert child.stdin.closed


def test_children_end_with_a_parent_that_forgets_them() -> None:
    parent = """
import sys
from stream.process.child_process import start_child
child = start_child([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"])
print(child.pid, flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", parent], capture_output=True, text=True, timeout=30, check=True
    )  # returns only when the child, too, has let go of standard output

    assert done.stdout
