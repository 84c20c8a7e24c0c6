"""A process that writes scored events to a sink until it is killed, for tests.

It prints the next offset after each batch. Started again from any offset that it has printed, it
writes what a runner would write again after a crash.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from stream.settings import load_settings
from stream.sinks.kinds import make_sink
from stream.sinks.sink import Log, SinkBatch, SinkRecord, TargetUnavailableError, WriteResult
from testing.scored_events import SCORED_AT, scored

__all__ = ["LEADS", "LOG", "record"]

LEADS = 7
"""Number of leads that take turns."""
LOG = Log("leads.scored", 0, "9f2JkQ")


def record(offset: int, **fields: Any) -> SinkRecord:
    """Return the record of an offset."""
    lead_id = f"lead-{offset % LEADS}"
    event = scored(lead_id, offset=offset, **fields)
    return SinkRecord(offset, SCORED_AT + offset, lead_id, event)


async def _write(first: int, stop: int, size: int) -> None:
    sink = make_sink(load_settings())
    while True:
        try:
            await sink.open()
        except TargetUnavailableError:
            await asyncio.sleep(0.01)
        else:
            break
    at = first
    while at < stop:
        records = [record(offset) for offset in range(at, min(at + size, stop))]
        try:
            verdicts = await sink.write(SinkBatch(LOG, records))
        except TargetUnavailableError:  # the lock of the process before may not be free yet
            await asyncio.sleep(0.01)
            continue
        assert {verdict.outcome for verdict in verdicts} == {WriteResult.WRITTEN}
        at += len(records)
        print(at, flush=True)
    await sink.close()


if __name__ == "__main__":
    asyncio.run(_write(*map(int, sys.argv[1:4])))
    os._exit(0)
