"""Heads of blocks, counted from the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError, TopicAuthorizationFailedError

from agents.drift import BLOCK, BlockCounts, block_of
from schemas.errors import FatalError
from stream.scoring.block_heads import BlockHeads
from testing.jumping_time import in_jumping_time
from tests.unit.agents.drift_log import counting
from tests.unit.stream.scoring.drift_place import FakeReader, FakeScorer, Record, as_scorer


def block_below(offset: int, since: int = 0) -> BlockCounts:
    """Return an empty block: that of the record before an offset."""
    return BlockCounts(counting(), "leads", 0, block_of(offset - 1), since=since, own_from=offset)


def heads_of(reader: FakeReader, **options: Any) -> BlockHeads:
    """Return the heads of a log."""
    log: Any = reader
    return BlockHeads(log, "leads", **options)


def leads_in(block: BlockCounts, upto: int) -> int:
    """Return the number of leads in a block's counts."""
    return sum(partial.counts.leads for partial in block.partials(upto))


@in_jumping_time
async def test_a_head_begins_with_its_block_or_with_its_model() -> None:
    reader = FakeReader([Record(offset) for offset in range(2 * BLOCK)])
    heads, whole, part = heads_of(reader), block_below(6000), block_below(6000, since=5000)
    assert not await heads.count(0, as_scorer(FakeScorer()), whole, 0, 6000)
    assert not await heads.count(0, as_scorer(FakeScorer()), part, 5000, 6000)
    assert reader.reads == [(BLOCK, 6000), (5000, 6000)]
    assert (leads_in(whole, 6000), leads_in(part, 6000)) == (6000 - BLOCK, 1000)


@in_jumping_time
async def test_a_read_that_breaks_off_continues_after_its_last_record() -> None:
    reader = FakeReader([Record(offset) for offset in range(1000)])
    reader.breaks.append(NodeNotReadyError("booting"))
    block = block_below(1000)
    await heads_of(reader).count(0, as_scorer(FakeScorer()), block, 0, 1000)
    assert reader.reads == [(0, 1000), (300, 1000)]
    assert leads_in(block, 1000) == 1000


@in_jumping_time
async def test_a_head_in_a_gap_gives_the_block_before_the_gap() -> None:
    """The owner that committed behind the gap may not have published that block as complete."""
    reader = FakeReader([Record(offset) for offset in range(100)])
    scorer = as_scorer(FakeScorer())
    (before,) = await heads_of(reader).count(0, scorer, block_below(20_000), 0, 20_000)
    assert before.is_closed
    assert (before.block, before.counts.leads) == (0, 100)


@in_jumping_time
async def test_a_gap_back_to_the_start_of_the_model_gives_nothing() -> None:
    reader = FakeReader([Record(offset) for offset in range(100)])
    block = block_below(20_000, since=5000)
    assert not await heads_of(reader).count(0, as_scorer(FakeScorer()), block, 5000, 20_000)
    assert leads_in(block, 20_000) == 0
    assert reader.reads == [(4 * BLOCK, 20_000)]


@in_jumping_time
async def test_records_are_announced_before_they_are_decoded() -> None:
    seen: list[int] = []

    async def before_decoding(records: Sequence[Any]) -> None:
        seen.extend(record.offset for record in records)

    reader = FakeReader([Record(offset) for offset in range(600)])
    heads = heads_of(reader, before_decoding=before_decoding)
    await heads.count(0, as_scorer(FakeScorer()), block_below(600), 0, 600)
    assert seen == list(range(600))


@in_jumping_time
async def test_a_refused_read_names_the_offsets_and_the_right() -> None:
    reader = FakeReader([])
    reader.errors.append(TopicAuthorizationFailedError("leads"))
    with pytest.raises(FatalError, match=r"readable from 0 to 10, .* this user may read it"):
        await heads_of(reader).count(0, as_scorer(FakeScorer()), block_below(10), 0, 10)
