"""Several processes of one machine that score the parts of a backfill, one part at a time each."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Queue
from typing import Any

import orjson

from lake.plan import PartAccount
from schemas.errors import StartupError
from stream.backfill.scoring_process import ERRORS
from stream.process.child_process import end_child, start_child

__all__ = ["score_parts"]

PROGRAM = (sys.executable, "-m", "stream.backfill.scoring_process")

_Child = subprocess.Popen[bytes]


def score_parts(
    location: str,
    numbers: Sequence[int],
    count: int,
    on_rows: Callable[[int], None],
    on_part: Callable[[PartAccount], None],
    program: Sequence[str] = PROGRAM,
) -> None:
    """Score parts in several processes, which end with this one, however it ends.

    Parameters
    ----------
    location
        The output folder, with a plan.
    numbers
        The parts, in the order in which they are begun.
    count
        Number of processes.
    on_rows
        Called with numbers of rows that were scored.
    on_part
        Called with the account of each part.
    program
        Command of a process; see ``stream.backfill.scoring_process``.

    Raises
    ------
    InputError, StartupError
        A process has reported it, or has ended; the others were stopped.
    """
    todo = deque(numbers)
    answers: Queue[dict[str, Any] | None] = Queue()
    children = [
        start_child([*program, location], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    threads = [
        threading.Thread(target=_drive, args=(child, todo, answers), daemon=True)
        for child in children
    ]
    try:
        for thread in threads:
            thread.start()
        running = count
        while running:
            message = answers.get()
            if message is None:
                running -= 1
            elif "rows" in message:
                on_rows(message["rows"])
            elif "part" in message:
                on_part(PartAccount.model_validate(message["part"]))
            else:
                raise ERRORS[message["error"]](message["message"])
    finally:
        for child in children:
            child.kill()
        for thread in threads:
            thread.join()
        for child in children:
            end_child(child)


def _drive(child: _Child, todo: deque[int], answers: Queue[dict[str, Any] | None]) -> None:
    """Give a process one part after the other, and pass its answers on; None is the last."""
    try:
        while todo:
            try:
                number = todo.popleft()
            except IndexError:  # another thread was faster
                break
            if not _asked(child, number, answers):
                break
    finally:
        answers.put(None)


def _asked(child: _Child, number: int, answers: Queue[dict[str, Any] | None]) -> bool:
    """Ask a process to score a part, and wait; return whether it has."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):  # it has ended, and its last line says why
        child.stdin.write(b"%d\n" % number)
        child.stdin.flush()
    for line in child.stdout:
        message = orjson.loads(line)
        answers.put(message)
        if "rows" not in message:
            return "part" in message
    answers.put(
        {
            "error": StartupError.__name__,
            "message": f"A process was expected to score a part, but ended with {child.wait()}:"
            " see what it has written above, and run the command again: it continues where it was.",
        }
    )
    return False
