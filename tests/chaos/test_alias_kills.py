"""Writers of aliases that are killed: the history stays whole, and the next writer continues."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from model.registry import Alias, Registry
from testing.made import MADE

KILLS = 20
MOST_WRITES = 12
"""Entries that are written before a kill: it hits any moment of the write after them."""
WRITTEN_WITHIN = 60.0
FLIP = """
import itertools, sys
from dataclasses import replace
from model.alias_history import AliasConflictError
from model.registry import Alias, Registry
from testing.made import MADE
registry, by = Registry(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for number in itertools.count():
    try:
        registry.set_alias("bank", Alias.PRODUCTION, "12"[number % 2], replace(MADE, by=by))
    except AliasConflictError:
        pass
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    for version in ("1", "2"):
        (tmp_path / "bank" / version).mkdir(parents=True)
        (tmp_path / "bank" / version / "manifest.json").write_text("{}")
    return Registry(tmp_path)


def started(registry: Registry, by: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", FLIP, registry.root, by], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def until_written(registry: Registry, more: int) -> None:
    """Wait until the history has a number of entries more, whoever wrote them."""
    wanted, deadline = len(registry.history("bank")) + more, time.monotonic() + WRITTEN_WITHIN
    while len(registry.history("bank")) < wanted:
        assert time.monotonic() < deadline, f"expected {more} more entries"


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_writers_that_are_killed_leave_a_whole_history(registry: Registry, chance: Random) -> None:
    """Two at a time, one of which is killed at any moment of a write."""
    other = started(registry, "other")
    try:
        for number in range(KILLS):
            victim = started(registry, f"victim {number}")
            until_written(registry, chance.randint(1, MOST_WRITES))
            victim.send_signal(signal.SIGKILL)
            victim.communicate()
            entries = registry.history("bank")
            assert entries, "something was written"
    finally:
        other.kill()
        other.communicate()
    last = registry.history("bank")[-1]
    assert registry.aliases("bank") == last.aliases
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}
    assert not registry.view_differs("bank")
    writers = {entry.by for entry in registry.history("bank")}
    assert {"other", MADE.by} < writers
    assert any(name.startswith("victim") for name in writers)
