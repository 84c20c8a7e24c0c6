"""A cgroup of limited memory for a process and its children."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["MemoryCgroup", "memory_cgroup"]

VERSION_1 = Path("/sys/fs/cgroup/memory")
"""Memory controller of cgroup version 1."""
VERSION_2 = Path("/sys/fs/cgroup")
"""The unified hierarchy of version 2; its memory controller must be delegated to this user."""


class MemoryCgroup:
    """A cgroup; the kernel kills a process of it that needs more memory than its limit.

    Parameters
    ----------
    folder
        The folder of the cgroup.
    is_version_2
        Whether it is one of the unified hierarchy.
    """

    def __init__(self, folder: Path, *, is_version_2: bool) -> None:
        self._folder = folder
        self._is_version_2 = is_version_2

    def limit(self, limit: int) -> None:
        """Set the limit in bytes."""
        name = "memory.max" if self._is_version_2 else "memory.limit_in_bytes"
        (self._folder / name).write_text(str(limit))

    def add(self, pid: int) -> None:
        """Move a process into the cgroup; its children follow if it starts them later."""
        (self._folder / "cgroup.procs").write_text(str(pid))

    def entered(self, command: Sequence[str]) -> Sequence[str]:
        """Return a command that enters the cgroup before it becomes another command."""
        return ("sh", "-c", f'echo $$ > {self._folder}/cgroup.procs && exec "$@"', "sh", *command)

    @property
    def peak_bytes(self) -> int:
        """The most memory that was used at a time, page cache included."""
        name = "memory.peak" if self._is_version_2 else "memory.max_usage_in_bytes"
        return int((self._folder / name).read_text())

    def remove(self) -> None:
        """Remove it; it is empty once the kernel has reaped its processes."""
        for _ in range(50):
            with suppress(OSError):
                self._folder.rmdir()
                return
            time.sleep(0.1)


@contextmanager
def memory_cgroup(limit: int) -> Iterator[MemoryCgroup | None]:
    """Create a cgroup of limited memory until the body ends; None if the machine forbids it.

    Parameters
    ----------
    limit
        In bytes.
    """
    is_version_2 = not VERSION_1.is_dir()
    parent = VERSION_2 if is_version_2 else VERSION_1
    folder = parent / f"leadscore-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    group = MemoryCgroup(folder, is_version_2=is_version_2)
    try:
        folder.mkdir()
        group.limit(limit)
    except OSError:
        group.remove()
        yield None
        return
    try:
        yield group
    finally:
        group.remove()
