"""Workers that the kernel kills above 512 MB, under leads that are compressed a hundredfold.

The limit is that of a cgroup, which holds a worker and the process that tries its model. On a
machine that allows none, the peak of the worker's resident memory is what is checked.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from model.bundle import Bundle
from stream.broker import Broker
from stream.demo.worker import WORKER
from testing.kafka_client import until
from testing.memory_cgroup import MemoryCgroup, memory_cgroup
from tests.chaos.audit import second_audit
from tests.conftest import StageSetter
from tests.integration.worker_process import Stage, WorkerProcess
from tests.large_leads import (
    HELD,
    PROMISED_MB,
    PROMISED_SECONDS,
    large_lead,
    peak_mb,
    send_compressed,
)

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

MIB = 1 << 20
LIMIT = 512 * MIB
RECORD_BYTES = 300_000_000
WITHIN = 240.0
READY = "leadscore_ready"


@dataclass(frozen=True)
class Load:
    """Batches that are sent to four partitions in turn.

    Attributes
    ----------
    sizes
        Sizes of the leads of a batch, in bytes.
    batches
        How many of them.
    """

    sizes: tuple[int, ...]
    batches: int

    @property
    def leads(self) -> int:
        return self.batches * len(self.sizes)

    @property
    def records_above_the_limit(self) -> int:
        return self.batches * self.sizes.count(RECORD_BYTES)

    def values(self) -> Iterator[Iterator[bytes]]:
        for number in range(self.batches):
            yield map(large_lead, count(number * len(self.sizes)), self.sizes)


LOADS = {
    "1 kB": Load((1_000,) * 20_000, 8),
    "100 kB": Load((100_000,) * 850, 8),
    "256 kB": Load((256_000,) * 340, 8),
    "300 MB": Load((1_000, RECORD_BYTES, 1_000), 4),
}


@pytest.fixture
def group() -> Iterator[MemoryCgroup | None]:
    with memory_cgroup(LIMIT) as group:
        yield group


@pytest.mark.parametrize("size", list(LOADS))
async def test_a_worker_that_is_limited_to_512_mb_is_not_killed(
    kafka: Broker,
    set_stage: StageSetter,
    bank_model: Bundle,
    delivery: str,
    size: str,
    group: MemoryCgroup | None,
) -> None:
    """It was killed eight times at one offset. It is killed once here, by the test."""
    load = LOADS[size]
    stage = set_stage(kafka.bootstrap, LEADSCORE_ROLE="score", LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    topic = stage.settings.leads_created
    assert await send_compressed(kafka.bootstrap, topic, "zstd", load.values()) < MIB
    first = await start(stage, group)
    await until_done(stage, first, load.leads // 4)
    first.send(signal.SIGKILL)
    await first.ended()
    second = await start(stage, group)
    await until_done(stage, second, load.leads)
    assert peak_mb(second.pid) < PROMISED_MB
    assert await second.metric(HELD) < PROMISED_SECONDS
    assert await second.metric("leadscore_rebalances_total") == 1
    if group is not None:
        assert group.peak_bytes <= LIMIT
    await second.stop_cleanly()
    account = await second_audit(stage, bank_model)
    assert account.totals.dead == Counter(
        {"TOO_LARGE": load.records_above_the_limit} if load.records_above_the_limit else {}
    )
    assert account.totals.scored == load.leads - load.records_above_the_limit


async def start(stage: Stage, group: MemoryCgroup | None) -> WorkerProcess:
    worker = stage.begin(WORKER if group is None else group.entered(WORKER))
    await worker.ready()
    return worker


async def until_done(stage: Stage, worker: WorkerProcess, leads: int) -> None:
    """Wait until the group has committed a number of leads; the worker must answer meanwhile."""

    async def are_done() -> bool:
        worker.check()
        status, _ = await worker.answer("/healthz")
        return status == 200 and sum((await stage.committed()).values()) >= leads

    await until(are_done, within=WITHIN, what=f"the outcome of {leads} leads")
