"""How far a partition was read is stored, and what its logs lacked."""

from __future__ import annotations

from agents.outcomes.progress import Progress
from agents.outcomes.store import MemoryStore


def test_progress_is_read_as_it_was_written() -> None:
    store = MemoryStore()
    progress = Progress.read(store)
    assert progress == Progress()
    progress.read_scores(0, 0, 5, earliest=100)
    progress.read_scores(1, 0, 2, earliest=100)
    progress.read_outcomes(0, 7, earliest=50)
    progress.watermark = 300
    store.write(progress.entry(), [])
    assert Progress.read(store) == progress
    assert progress.offsets == {"scores": 5, "shadow": 2, "outcomes": 7}


def test_logs_that_were_cut_hold_everything_only_since_their_first_record() -> None:
    progress = Progress()
    progress.read_scores(0, 3, 5, earliest=100)
    assert progress.complete_since == 100
    progress.read_scores(0, 5, 9, earliest=200)
    assert progress.complete_since == 100
    progress.read_outcomes(2, 3, earliest=150)
    assert progress.complete_since == 150
    progress.read_scores(0, 12, 13, earliest=400)  # retention was faster than the reader
    assert progress.complete_since == 400
