"""CPU cost of each stage of LeadScore per lead, on one core, in batches of 500."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from agents.drift import BlockCounts, CountedLeads, block_of
from agents.scoring import Scorer
from benchmarks.workload import NAME, events
from model.bundle import load_bundle
from model.serving.predictor import open_predictor
from stream.scoring.bundle_scorer import scorer_of
from stream.settings import load_settings

__all__ = ["STAGES", "stage_costs"]

STAGES = ("decode", "features", "model", "encode", "drift")
BATCH = 500
ROWS = 20_000
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Record:
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int = 0


def stage_costs(location: Path) -> dict[str, float]:
    """Measure the stages.

    Parameters
    ----------
    location
        The bundle's folder.

    Returns
    -------
    dict
        Microseconds of CPU a lead, by stage: the median of the rounds.
    """
    bundle = load_bundle(str(location), None)
    scorer = scorer_of(bundle, open_predictor(bundle), load_settings(), topic=NAME)
    records = [_Record(i, 0, key, value) for i, (key, value) in enumerate(events(ROWS))]
    rounds: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for _ in range(ROUNDS):
        spent = dict.fromkeys(STAGES, 0.0)
        block = _block(scorer, 0)
        for start in range(0, ROWS, BATCH):
            batch = records[start : start + BATCH]
            marks = [time.process_time()]
            read = scorer.decode(batch)
            marks.append(time.process_time())
            features = scorer.features(read)
            marks.append(time.process_time())
            prediction = scorer.predict(features)
            marks.append(time.process_time())
            scorer.outputs(read, features, prediction, scored_at=0, too_large=lambda outputs: ())
            marks.append(time.process_time())
            block = _count(scorer, block, scorer.counted(read, features, prediction))
            marks.append(time.process_time())
            for stage, begin, end in zip(STAGES, marks, marks[1:], strict=False):
                spent[stage] += end - begin
        for stage, seconds in spent.items():
            rounds[stage].append(seconds / ROWS * 1e6)
    return {stage: statistics.median(costs) for stage, costs in rounds.items()}


def _block(scorer: Scorer, number: int) -> BlockCounts:
    assert scorer.counting is not None
    return BlockCounts(scorer.counting, NAME, 0, number)


def _count(scorer: Scorer, block: BlockCounts, counted: CountedLeads) -> BlockCounts:
    """Count a batch for drift, and encode the partials of the blocks that it completes."""
    for number, leads in counted.by_block():
        if number != block.block:
            for partial in block.partials(block.end):
                partial.encode()
            block = _block(scorer, number)
        block.add(leads)
    assert block.block == block_of(int(counted.offsets[-1]))
    return block
