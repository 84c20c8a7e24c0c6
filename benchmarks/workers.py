"""Several workers of one group, as children of this process: ``python -m benchmarks.workers 2``."""

from __future__ import annotations

import sys

from stream.process.child_process import start_child


def main() -> None:
    """Start a number of workers, and exit when the first of them ends."""
    workers = [
        start_child((sys.executable, "-m", "stream", "worker")) for _ in range(int(sys.argv[1]))
    ]
    sys.exit(workers[0].wait())


if __name__ == "__main__":
    main()
