"""The demo's parts: a worker as a child process, a reader of what comes out, and the account.

The account is exact: every event that was delivered to leads.created must be scored or a dead
letter, by its partition and offset, and nothing else may come out.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.store import SchemaStore
from stream.produce import Played

__all__ = ["Account", "ScoredLead", "follow"]

POLL_MS = 100


class ScoredLead(NamedTuple):
    """What a consumer of leads.scored sees of a lead, as far as the demo shows it."""

    lead_id: str
    score: float
    category: str
    reasons: list[dict[str, Any]]
    created_at: int


@dataclass(slots=True)
class Account:
    """What came out, by the partition and offset of the lead that it came of."""

    scored: dict[tuple[int, int], ScoredLead] = field(default_factory=dict)
    dead: dict[tuple[int, int], str] = field(default_factory=dict)
    repeats: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    first: float = 0.0
    last: float = 0.0

    def add_scored(self, event: dict[str, Any], received: float) -> None:
        """Enter a scored event that was received at a wall-clock time in seconds."""
        source = event["source"]
        at = (source["partition"], source["offset"])
        if at in self.scored:
            self.repeats += 1
            return
        self.scored[at] = ScoredLead(
            event["lead_id"],
            event["score"],
            event["category"],
            event["reasons"],
            event["created_at"],
        )
        sent = event["scored_at"] - event["latency_ms"]
        self.latencies_ms.append(received * 1000 - sent)
        self.first = self.first or received
        self.last = received

    def add_dead(self, partition: int, offset: int, code: str) -> None:
        """Enter a dead letter."""
        if (partition, offset) in self.dead:
            self.repeats += 1
        self.dead[partition, offset] = code

    def covers(self, played: Played) -> bool:
        """Tell whether as much came out as was delivered."""
        return len(self.scored) + len(self.dead) >= played.sent

    def faults(self, played: Played, *, refuse_few_fields: bool) -> list[str]:
        """Hold what came out against what was sent.

        Returns
        -------
        list of str
            A sentence for each fault; empty when every lead is accounted for.
        """
        expected_dead = played.dead_letters(refuse_few_fields=refuse_few_fields)
        sent = {(at, o) for at, runs in played.offsets.items() for run in runs for o in run}
        expected_scored = sent - expected_dead.keys()
        checks = {
            "sent and never came out": sent - self.scored.keys() - self.dead.keys(),
            "came out and were never sent": (self.scored.keys() | self.dead.keys()) - sent,
            "came out both scored and dead": self.scored.keys() & self.dead.keys(),
            "good, but dead letters": expected_scored & self.dead.keys(),
            "broken, but scored": expected_dead.keys() & self.scored.keys(),
            "dead letters with another code than expected": {
                at for at, code in expected_dead.items() if self.dead.get(at, code) != code
            },
        }
        return [f"{len(leads):,} leads {what}" for what, leads in checks.items() if leads]

    @property
    def codes(self) -> Counter[str]:
        """Dead letters by code."""
        return Counter(self.dead.values())

    def percentile_ms(self, share: float) -> float:
        """Latency that a share of the leads stays under, in milliseconds."""
        return float(np.percentile(np.array(self.latencies_ms), share * 100))


async def follow(
    account: Account,
    *,
    clients: dict[str, Any],
    scored_topic: str,
    dead_letter_topic: str,
    store: SchemaStore,
    on_scored: Callable[[ScoredLead], None],
    started: asyncio.Event,
) -> None:
    """Read both outputs from their beginning, as their consumers would, until cancelled."""
    consumer = AIOKafkaConsumer(**clients, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        topics = (scored_topic, dead_letter_topic)
        await consumer._client.set_topics(topics)
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in consumer.partitions_for_topic(topic) or ()
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        started.set()
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=500)
            received = time.time()
            for partition, records in fetched.items():
                for record in records:
                    if partition.topic == scored_topic:
                        event = store.read(record.value)
                        account.add_scored(event, received)
                        on_scored(account.scored[event["source"]["partition"], event["source"]["offset"]])
                    else:
                        headers = dict(record.headers)
                        account.add_dead(
                            partition.partition,
                            int(headers["__connect.errors.offset"]),
                            headers["leadscore.error.code"].decode(),
                        )
    finally:
        await consumer.stop()
