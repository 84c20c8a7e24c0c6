"""Child processes that never outlive this one."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["end_child", "start_child"]

_SHIM = """
import os, signal, sys
parent, program = int(sys.argv[1]), sys.argv[2:]
signal.pthread_sigmask(signal.SIG_SETMASK, [])
if sys.platform == "linux":
    import ctypes
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() == parent:
    os.execvp(program[0], program)
"""
"""Asks Linux to kill the child with its parent, then becomes the program: same process, same id.

Done by the child itself and not by Popen's preexec_fn, which is unsafe beside threads.
"""

_children: set[subprocess.Popen[Any]] = set()


def start_child(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a program that ends with this process, however this one ends.

    It runs in a session of its own, so Ctrl-C on the terminal does not reach it. On Linux the
    kernel kills it when the *thread* that started it ends: start it from a thread that lives on.
    Elsewhere it outlives this process if that is killed with SIGKILL.

    Parameters
    ----------
    arguments
        The program and its arguments.
    **options
        As for ``subprocess.Popen``.
    """
    shim = [sys.executable, "-I", "-S", "-c", _SHIM, str(os.getpid())]
    # A Ctrl-C between the start and the registration would leave a child that nobody ends.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        child = subprocess.Popen([*shim, *arguments], start_new_session=True, **options)
        _children.add(child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return child


def end_child(child: subprocess.Popen[Any]) -> None:
    """Kill a child, paused or not, and wait until it is gone."""
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):  # it was to get more, and is dead
                pipe.close()
    _children.discard(child)


@atexit.register
def _end_children() -> None:
    for child in list(_children):
        end_child(child)
