"""The audit at the end of every chaos test: each lead once, nothing skipped, every count exact."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiokafka import ConsumerRecord

from agents.canary_mark import Arm, CanaryMark
from agents.partials import Partial, decode_partial
from model.bundle import Bundle
from schemas.headers import ERROR_CODE
from schemas.store import SchemaStore
from stream.simulator.run import Played
from testing.kafka_client import read_ends, read_in_parts, until, until_transactions_ended
from tests.chaos.second_audit.account import Account, Target, audit_within
from tests.chaos.second_audit.account import audit as audit_once
from tests.integration.drift_counts import Counts, counted_offline
from tests.integration.traffic import Traffic
from tests.integration.worker_process import Stage, event_of, headers_of

PUBLISHED_WITHIN = 60.0
"""Seconds until open blocks are published: a second, and more on a busy machine."""
MANY = 20_000
"""Records."""
PACKAGED = Path("schemas")
"""The folder of LeadScore's own .avsc files."""
OLDER = PACKAGED / "older"
"""The folder of their earlier versions, which a worker of the last release writes."""

Source = tuple[int, int]
"""Partition and offset of a lead's record."""


@dataclass
class Outcomes:
    """Outputs, by the record that each belongs to.

    Attributes
    ----------
    scored
        The event_id of each lead that was scored.
    models
        The SHA-256 of the model of each lead that was scored.
    of_canary
        Leads of a canary, whichever model scored them: they are not counted for drift.
    dead
        The code of each dead letter.
    differing
        Leads whose scored events bear several event_ids.
    repeats
        How many events and dead letters came out again: none where it is exactly once.
    """

    scored: dict[Source, str] = field(default_factory=dict)
    models: dict[Source, str] = field(default_factory=dict)
    of_canary: set[Source] = field(default_factory=set)
    dead: dict[Source, str] = field(default_factory=dict)
    differing: set[Source] = field(default_factory=set)
    repeats: int = 0

    def add_scored(self, record: ConsumerRecord) -> None:
        event = event_of(record.value)
        source = (event["source"]["partition"], event["source"]["offset"])
        assert record.partition == source[0]
        self.repeats += source in self.scored
        self.models[source] = event["model_sha256"]
        mark = CanaryMark.read(record.headers)
        if mark is not None and mark.arm is not Arm.PRODUCTION:
            self.of_canary.add(source)
        if self.scored.setdefault(source, event["event_id"]) != event["event_id"]:
            self.differing.add(source)

    def is_counted(self, source: Source, sha256: str) -> bool:
        """Return whether a model counts a lead for drift, if it counts leads that are dead."""
        return source not in self.of_canary and self.models.get(source, sha256) == sha256

    def add_dead(self, record: ConsumerRecord) -> None:
        headers = headers_of(record)
        source = (record.partition, int(headers["__connect.errors.offset"]))
        self.repeats += source in self.dead
        self.dead[source] = headers[ERROR_CODE].decode()


async def outcomes(stage: Stage) -> Outcomes:
    """Read all that came out, as a consumer of a stage with these settings does."""
    settings, found = stage.settings, Outcomes()
    if settings.is_exactly_once:
        await until_transactions_ended(
            settings.kafka_bootstrap_servers, settings.leads_scored, settings.leads_created_dlq
        )
    for topic, add in (
        (settings.leads_scored, found.add_scored),
        (settings.leads_created_dlq, found.add_dead),
    ):
        async for records in read_in_parts(
            settings.kafka_bootstrap_servers, topic, committed_only=settings.is_exactly_once
        ):
            for record in records:
                add(record)
    return found


async def leads(stage: Stage) -> AsyncIterator[list[ConsumerRecord]]:
    """Read the leads, as a worker with these settings does."""
    settings = stage.settings
    async for records in read_in_parts(
        settings.kafka_bootstrap_servers,
        settings.leads_created,
        committed_only=settings.isolation_level == "read_committed",
    ):
        yield records


async def many(parts: AsyncIterator[list[ConsumerRecord]]) -> AsyncIterator[list[ConsumerRecord]]:
    """Put parts together, as each is worth a model's while only when it is large."""
    gathered: list[ConsumerRecord] = []
    async for records in parts:
        gathered += records
        if len(gathered) >= MANY:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


async def sources_of(stage: Stage) -> set[Source]:
    """Where the leads are in the log."""
    return {(r.partition, r.offset) async for records in leads(stage) for r in records}


async def audit_load(
    stage: Stage,
    bundle: Bundle,
    traffic: Traffic,
    others: Sequence[Bundle] = (),
    **more: Any,
) -> int:
    """End the load; what was committed before was done, and all of it came out.

    Returns
    -------
    int
        How many leads came out more than once.
    """
    await assert_nothing_committed_too_soon(stage)
    return await audit(stage, bundle, await traffic.end(), others=others, **more)


async def assert_nothing_committed_too_soon(stage: Stage) -> None:
    """Whatever is committed has its scored event or its dead letter already."""
    committed, found = await stage.committed(), await outcomes(stage)
    missing = {
        (partition, offset)
        for partition, offset in await sources_of(stage)
        if offset < committed.get(partition, 0)
    } - (found.scored.keys() | found.dead.keys())
    assert not missing, f"{len(missing)} leads are committed and did not come out"


async def audit(
    stage: Stage,
    bundle: Bundle,
    played: Played | None = None,
    *,
    others: Sequence[Bundle] = (),
    within: float = 60.0,
    **more: Any,
) -> int:
    """Wait until all is done, and hold what came out against the log.

    Parameters
    ----------
    stage
        Its topics and its group.
    bundle, others
        The models that scored.
    played
        What the CRM knows: all of it must be in the log, and each broken event a dead letter.
    within
        Seconds until the group has committed the log's end.
    **more
        Of the second audit's target.

    Returns
    -------
    int
        How many leads came out more than once; any is an error where it is exactly once.
    """
    found = await audit_leads(stage, played, within)
    for model in (bundle, *others):
        await assert_counts_are_exact(stage, model, found)
    assert set(found.models.values()) <= {model.sha256 for model in (bundle, *others)}
    account = await second_audit(stage, bundle, *others, played=played, **more)
    assert account.totals.repeats == found.repeats
    return found.repeats


async def audit_leads(stage: Stage, played: Played | None = None, within: float = 60.0) -> Outcomes:
    """Wait until all is done; every lead came out, scored or dead, with one event id of its own."""
    await until_done(stage, within)
    found, sources = await outcomes(stage), await sources_of(stage)
    done = found.scored.keys() | found.dead.keys()
    assert not sources - done, f"{len(sources - done)} leads did not come out"
    assert not done - sources, f"{len(done - sources)} events came of no lead"
    assert not found.scored.keys() & found.dead.keys(), "leads both scored and dead"
    assert not (found.repeats and stage.settings.is_exactly_once), f"{found.repeats} seen again"
    assert not found.differing, f"leads with several event_ids: {sorted(found.differing)[:3]}"
    assert len(set(found.scored.values())) == len(found.scored), "an event_id of several leads"
    if played is not None:
        sent = {(at, offset) for at, runs in played.offsets.items() for r in runs for offset in r}
        assert not sent - sources, f"{len(sent - sources)} leads that were sent are not in the log"
        assert found.dead == played.dead_letters(refuse_few_fields=False)
    return found


async def until_done(stage: Stage, within: float) -> None:
    """Wait until the group has committed all that can be read."""
    settings = stage.settings
    ends = await read_ends(settings.kafka_bootstrap_servers, settings.leads_created)

    async def is_done() -> bool:
        for worker in stage.workers[-1:]:
            if not any(w.is_running for w in stage.workers):
                worker.check()
        committed = await stage.committed()
        return all(committed.get(number, 0) == end for number, end in ends.items())

    await until(is_done, within=within, what=f"a commit of {ends}")


async def assert_counts_are_exact(stage: Stage, bundle: Bundle, outputs: Outcomes) -> None:
    """The latest partials of a model's blocks, taken together, count the leads that it scored."""
    settings = stage.settings
    store = SchemaStore.load(*settings.schema_folders)
    expected: dict[int, Counter[tuple[str, int]]] = {}
    async for read in many(leads(stage)):
        records = [
            record
            for record in read
            if outputs.is_counted((record.partition, record.offset), bundle.sha256)
        ]
        counts = counted_offline(
            *(records, bundle, settings.drift_window_ms, store),
            max_bytes=settings.max_event_bytes,
        )
        for window, counter in counts.items():
            expected.setdefault(window, Counter()).update(counter)
    found: Counts = {}

    async def are_published() -> bool:
        nonlocal found
        records = await stage.records(settings.leads_drift_partials)
        partials = map(decode_partial, (record.value for record in records))
        found = summed_counts((p for p in partials if p.model.sha256 == bundle.sha256), bundle)
        return leads_of(found) == leads_of(expected)

    try:
        await until(are_published, within=PUBLISHED_WITHIN)
    except AssertionError:
        counted, wanted = leads_of(found), leads_of(expected)
        assert counted == wanted, f"leads by window: {counted}, not {wanted}"
    assert found == expected, "counts of drift"


def leads_of(counts: Counts) -> dict[int, int]:
    return {window: counter["", 0] for window, counter in counts.items()}


def summed_counts(partials: Iterable[Partial], bundle: Bundle) -> Counts:
    """Add up blocks; of several versions of a block the one that counts most leads holds."""
    latest: dict[bytes, Partial] = {}
    for partial in partials:
        known = latest.get(partial.key)
        if known is None or known.next_offset <= partial.next_offset:
            latest[partial.key] = partial
    reference = bundle.metadata.reference
    places = [(field.name, code) for field in reference.counted for code in range(field.codes)]
    places += [("score", code) for code in range(reference.score.codes)]
    counts: dict[int, Counter[tuple[str, int]]] = {}
    for partial in latest.values():
        window = counts.setdefault(partial.window_start, Counter())
        window["", 0] += partial.counts.leads
        for place, number in zip(places, partial.counts.counts.tolist(), strict=False):
            if number:
                window[place] += number
    return counts


async def second_audit(
    stage: Stage,
    *bundles: Bundle,
    played: Played | None = None,
    planted: Mapping[Source, str] | None = None,
    at_rest: bool = True,
    **more: Any,
) -> Account:
    """Run the second audit, which shares no code with LeadScore; no rule may be violated.

    Parameters
    ----------
    stage
        Its topics and its group.
    *bundles
        The models that may have scored.
    played
        What the CRM knows of records that it has broken.
    planted
        The same, where it has broken more than that: the code of each record that must be dead.
    at_rest
        Whether every lead must have come out by now.
    **more
        More fields of its target, such as ``reports``.
    """
    target = replace(target_of(stage, *bundles), **more)
    if played is not None:
        planted = dict(played.dead_letters(refuse_few_fields=False))
    account = await (
        asyncio.to_thread(audit_within, target, PUBLISHED_WITHIN, planted=planted)
        if at_rest
        else asyncio.to_thread(audit_once, target, planted=planted, at_rest=False)
    )
    assert not account.faults.counts, f"the second audit found {account.faults.as_json()}"
    return account


def target_of(stage: Stage, *bundles: Bundle) -> Target:
    """Describe a stage to the second audit."""
    settings = stage.settings
    return Target(
        bootstrap=settings.kafka_bootstrap_servers,
        group=settings.group_id,
        leads=settings.leads_created,
        scored=settings.leads_scored,
        dead=settings.leads_created_dlq,
        partials=settings.leads_drift_partials,
        bundles=tuple(Path(bundle.location) / "model.onnx" for bundle in bundles),
        schemas=tuple(map(Path, (PACKAGED, OLDER, *settings.schema_folders))),
        window_ms=settings.drift_window_ms,
        max_event_bytes=settings.max_event_bytes,
        exactly_once=settings.is_exactly_once,
        reads_committed=settings.isolation_level == "read_committed",
        commits_are_ours=True,
    )
