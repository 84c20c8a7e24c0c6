"""Waits for the outputs of the demo's worker."""

from __future__ import annotations

import asyncio
import re
import time

from stream.demo.audit import Audit
from stream.demo.worker import DemoWorker
from stream.simulator.run import Played

__all__ = ["metrics_of", "until_all_out"]

COUNTED_WITHIN = 10.0
"""Seconds for the worker's metrics to count the leads whose events were seen."""
COME_OUT_WITHIN = 30.0
"""Seconds in which the last outputs must arrive after the last lead was sent."""
LOOK = 0.05


async def until_all_out(
    audit: Audit,
    played: Played,
    worker: DemoWorker,
    reading: asyncio.Task[None],
    stop: asyncio.Event,
) -> None:
    """Wait until there are as many outputs as leads were sent, but no longer than some seconds.

    Parameters
    ----------
    audit, played
        The outputs, and the leads.
    worker, reading
        The worker, and the reader of its outputs; an error of theirs is raised.
    stop
        Set when the demo is to stop.
    """
    deadline = time.monotonic() + COME_OUT_WITHIN
    while audit.total < played.sent and time.monotonic() < deadline and not stop.is_set():
        worker.check()
        if reading.done():
            reading.result()
        await asyncio.sleep(LOOK)


async def metrics_of(worker: DemoWorker, scored: int) -> str:
    """Return the metrics once they include all scored leads; they lag behind the events."""
    deadline = time.monotonic() + COUNTED_WITHIN
    while True:
        metrics = await asyncio.to_thread(worker.metrics)
        found = re.search(r"^leadscore_leads_scored_total (\d+)", metrics, re.M)
        is_counted = found is not None and int(found[1]) >= scored
        if is_counted or time.monotonic() > deadline:
            return metrics
        await asyncio.sleep(LOOK)
