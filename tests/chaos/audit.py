"""The audit at the end of every chaos test: each lead once, nothing skipped, every count exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from aiokafka import ConsumerRecord

from agents.partials import Partial, decode_partial
from model.bundle import Bundle
from schemas.store import SchemaStore
from stream.crm.produce import Played
from tests.integration.drift_counts import Counts, counted_offline
from tests.integration.worker_process import Stage, event_of, headers_of
from tests.kafka_client import read_all, read_ends, until

TOLD_WITHIN = 30.0
"""Seconds until open blocks are told: a second, and what a busy machine adds."""

Source = tuple[int, int]
"""Partition and offset of a lead's record."""


async def assert_nothing_committed_too_soon(stage: Stage) -> None:
    """Whatever is committed has its scored event or its dead letter already."""
    committed = await stage.committed()
    done = {*await scored(stage), *await dead(stage)}
    missing = [
        record
        for record in await log_of(stage)
        if record.offset < committed.get(record.partition, 0)
        and (record.partition, record.offset) not in done
    ]
    assert not missing, f"{len(missing)} leads are committed and did not come out"


async def audit(
    stage: Stage, bundle: Bundle, played: Played | None = None, *, within: float = 60.0
) -> int:
    """Wait until all is done, and hold what came out against the log.

    Parameters
    ----------
    stage
        Its topics and its group.
    bundle
        The model that scored.
    played
        What the CRM knows: all of it must be in the log, and each broken event a dead letter.
    within
        Seconds until the group has committed the log's end.

    Returns
    -------
    int
        How many leads came out more than once.
    """
    await until_done(stage, within)
    log = await log_of(stage)
    sources = {(record.partition, record.offset) for record in log}
    by_source, letters = await scored(stage), await dead(stage)
    assert sources - by_source.keys() - letters.keys() == set(), "leads that did not come out"
    assert (by_source.keys() | letters.keys()) - sources == set(), "came out of no lead"
    assert by_source.keys() & letters.keys() == set(), "both scored and dead"
    several = {source: ids for source, ids in by_source.items() if len(set(ids)) > 1}
    assert not several, f"leads with more than one event_id: {list(several.items())[:3]}"
    identities = {ids[0] for ids in by_source.values()}
    assert len(identities) == len(by_source), "an event_id that is not a lead's own"
    if played is not None:
        assert (await stage.account()).faults(played) == []
    await assert_counts_are_exact(stage, bundle, log)
    return sum(len(ids) - 1 for ids in by_source.values())


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


async def log_of(stage: Stage) -> list[ConsumerRecord]:
    """The leads, as a worker with these settings reads them."""
    settings = stage.settings
    return await read_all(
        settings.kafka_bootstrap_servers,
        settings.leads_created,
        committed_only=settings.isolation_level == "read_committed",
        within=60,
    )


async def scored(stage: Stage) -> dict[Source, list[str]]:
    """The event_ids of all scored events of each lead."""
    found: dict[Source, list[str]] = {}
    for record in await stage.scored_records():
        event = event_of(record.value)
        source = (event["source"]["partition"], event["source"]["offset"])
        assert record.partition == source[0]
        found.setdefault(source, []).append(event["event_id"])
    return found


async def dead(stage: Stage) -> Counter[Source]:
    """How many dead letters there are of each lead."""
    return Counter(
        (record.partition, int(headers_of(record)["__connect.errors.offset"]))
        for record in await stage.dead_records()
    )


async def assert_counts_are_exact(
    stage: Stage, bundle: Bundle, log: Iterable[ConsumerRecord]
) -> None:
    """The latest partials of all blocks, taken together, are the counts of the log itself."""
    settings = stage.settings
    store = SchemaStore.load(*settings.schema_folders)
    expected = counted_offline(log, bundle, settings.drift_window_ms, store)
    found: Counts = {}

    async def are_told() -> bool:
        nonlocal found
        records = await stage.records(settings.leads_drift_partials)
        found = told(map(decode_partial, (record.value for record in records)), bundle)
        return leads_of(found) == leads_of(expected)

    try:
        await until(are_told, within=TOLD_WITHIN)
    except AssertionError:
        assert leads_of(found) == leads_of(expected), "leads by window"
    assert found == expected, "counts of drift"


def leads_of(counts: Counts) -> dict[int, int]:
    return {window: counter["", 0] for window, counter in counts.items()}


def told(partials: Iterable[Partial], bundle: Bundle) -> Counts:
    """Add up blocks; of several versions of a block the one that counts most leads holds."""
    latest: dict[bytes, Partial] = {}
    for partial in partials:
        known = latest.get(partial.key)
        if known is None or known.next_offset <= partial.next_offset:
            latest[partial.key] = partial
    reference = bundle.metadata.reference
    places = [(field.name, code) for field in reference.fields for code in range(field.codes)]
    places += [("score", code) for code in range(reference.score.codes)]
    counts: dict[int, Counter[tuple[str, int]]] = {}
    for partial in latest.values():
        window = counts.setdefault(partial.window_start, Counter())
        window["", 0] += partial.counts.leads
        for place, number in zip(places, partial.counts.counts.tolist(), strict=False):
            if number:
                window[place] += number
    return counts
