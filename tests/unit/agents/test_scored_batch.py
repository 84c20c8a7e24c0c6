"""The outcome of a batch: split in the batches that it was made of, and with leads refused."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.dead_letters import DeadLetter
from agents.scored_batch import ScoredBatch
from schemas.errors import ErrorCode

SCORED, DEAD, DROPPED = "scored", "dead", "dropped"


def letter(position: int, code: ErrorCode = ErrorCode.TYPE) -> DeadLetter:
    return DeadLetter(position, code, (b"%d" % position, None, []))


def outcome(*fates: str) -> ScoredBatch:
    """Return the outcome of a batch with one record of each fate; its key is its position."""
    positions = [i for i, fate in enumerate(fates) if fate == SCORED]
    return ScoredBatch(
        scored=[(b"%d" % position, b"", []) for position in positions],
        positions=positions,
        dead_letters=[letter(i) for i, fate in enumerate(fates) if fate == DEAD],
        dropped=[i for i, fate in enumerate(fates) if fate == DROPPED],
        scores=np.array(positions, np.float32),
        coverage=np.array([position / 100 for position in positions], np.float32),
        low_coverage=np.array([position % 2 == 0 for position in positions], np.bool_),
        timestamps=np.array(positions, np.int64) * 1000,
    )


def test_dead_letters_are_counted_by_their_code() -> None:
    batch = outcome(DEAD, SCORED, DEAD)
    found = batch.without((), [letter(1, ErrorCode.FEATURES)]).codes
    assert found == {ErrorCode.TYPE: 2, ErrorCode.FEATURES: 1}


@given(st.lists(st.lists(st.sampled_from([SCORED, DEAD, DROPPED]), max_size=6), max_size=6))
def test_each_part_is_the_outcome_of_its_own_records_counted_from_0(
    batches: list[list[str]],
) -> None:
    parts = outcome(*(fate for batch in batches for fate in batch)).split([*map(len, batches)])
    first = 0
    assert len(parts) == len(batches)
    for part, fates in zip(parts, batches, strict=True):
        alone = outcome(*fates)
        assert part.positions == alone.positions
        assert [one.position for one in part.dead_letters] == [
            one.position for one in alone.dead_letters
        ]
        assert part.dropped == alone.dropped
        in_all = [first + position for position in alone.positions]
        assert [key for key, _, _ in part.scored] == [b"%d" % position for position in in_all]
        assert part.scores.tolist() == in_all
        assert part.timestamps.tolist() == [1000 * position for position in in_all]
        assert part.low_coverage.tolist() == [position % 2 == 0 for position in in_all]
        assert [one.output[0] for one in part.dead_letters] == [
            b"%d" % (first + one.position) for one in alone.dead_letters
        ]
        first += len(fates)


def test_a_single_batch_is_the_outcome_itself() -> None:
    batch = outcome(SCORED, DEAD)
    assert batch.split([2]) == [batch]
    assert batch.split([2])[0] is batch, "most polls have one partition: nothing is copied"


def test_a_refused_lead_is_a_dead_letter_and_the_others_keep_their_values() -> None:
    batch = outcome(SCORED, DEAD, SCORED, DROPPED, SCORED)
    found = batch.without({1}, [letter(2, ErrorCode.OUTPUT_TOO_LARGE)])
    assert found.positions == [0, 4]
    assert [key for key, _, _ in found.scored] == [b"0", b"4"]
    assert found.scores.tolist() == [0.0, 4.0]
    assert found.coverage.tolist() == [np.float32(0.0), np.float32(0.04)]
    assert found.low_coverage.tolist() == [True, True]
    assert found.timestamps.tolist() == [0, 4000]
    assert [one.position for one in found.dead_letters] == [1, 2]
    assert found.dropped == [3]
