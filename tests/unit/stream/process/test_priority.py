"""A process that gives way has a higher nice value, and never a lower one than before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stream.process.priority import NICENESS

SCRIPT = """
import os, sys
os.nice(int(sys.argv[1]) - os.nice(0))
from stream.process.priority import give_way
give_way()
give_way()
print(os.nice(0))
"""


@pytest.mark.parametrize(("before", "after"), [(NICENESS - 2, NICENESS), (19, 19)])
def test_a_process_gives_way_once_and_keeps_a_higher_nice_value(before: int, after: int) -> None:
    # In a process of its own, as a nice value can't be lowered again. The tests may be nice.
    now = int(subprocess.check_output([sys.executable, "-c", "import os; print(os.nice(0))"]))
    said = subprocess.check_output([sys.executable, "-c", SCRIPT, str(max(before, now))])
    assert int(said) == max(after, now)
