"""Records reach the join of their partition once, and dead letters before the store moves on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream.outcomes.assembly import outcome_reader
from stream.outcomes.partitions import OutcomePartitions
from stream.outcomes.runner import OutcomeRunner
from stream.outcomes.score_reader import ScoreReader
from stream.settings import load_settings
from testing.scored_events import SCORED_AT, scored
from tests.unit.stream.outcomes.outcome_stage import (
    DAY,
    OUTCOMES,
    SCORED,
    SHADOW,
    OutcomeStage,
    outcome_record,
)
from tests.unit.stream.sinks.fake_sink import (
    CODEC,
    FakeDeadLetters,
    FakeRecord,
    batch_of,
    record_of,
)


class Place:
    """A runner over one open partition."""

    def __init__(self, stage: OutcomeStage, *, by_creation: bool = False) -> None:
        self.stage = stage
        self.dead_letters = FakeDeadLetters()
        self.seen: list[int] = []
        self.waited: list[int] = []
        self.partitions: OutcomePartitions = stage.partitions()
        self.runner = OutcomeRunner(
            self.partitions,
            ScoreReader(by_creation=by_creation, late_ms=14 * DAY),
            outcome_reader(load_settings()),
            by_creation=by_creation,
            dead_letters=self.dead_letters,  # type: ignore[arg-type]
            caught_up=self._caught_up,
            read_to_end=self._read_to_end,
            see=lambda _, records: self.seen.append(len(records)),
            shadow_topic=SHADOW.topic,
            metrics=stage.metrics,
            crash=stage.app.crash,
        )

    async def open(self) -> Place:
        self.partitions.assigned([SCORED])
        await self.partitions.start_of(SCORED, None)
        return self

    async def _caught_up(self, partition: int) -> None:
        self.waited.append(partition)

    async def _read_to_end(self) -> None:
        self.waited.append(-1)

    @property
    def join(self) -> Any:
        return self.partitions.joins[0]

    def totals(self) -> dict[int, tuple[int, int, int]]:
        """Positives, negatives and unknown by channel."""
        found = {}
        for key, counts in self.join.cohorts.counts.items():
            found[key.channel] = (counts.positives, counts.negatives, counts.unknown)
        return found


def score_after(days: int, *, offset: int) -> FakeRecord:
    event = scored(f"lead-{offset}", offset=offset, scored_at=SCORED_AT + days * DAY)
    return record_of(offset, value=CODEC.encode(event))


async def outcomes(place: Place, *records: FakeRecord) -> None:
    await place.runner.accept_followed(OUTCOMES, records)


async def test_scores_and_outcomes_are_joined(tmp_path: Path) -> None:
    place = await Place(OutcomeStage(tmp_path)).open()
    batch = batch_of(record_of(0), record_of(1))
    await place.runner.accept([batch])
    await outcomes(place, outcome_record(0), outcome_record(1, outcome="engaged"))
    await place.runner.accept_followed(SHADOW, [record_of(0)])
    assert batch.is_done
    assert place.waited == [0, -1]
    assert place.seen == [2, 2, 1]
    assert place.totals() == {0: (0, 0, 2), 1: (0, 0, 1)}
    assert place.stage.treated() == {"joined": 1, "open": 1}
    assert place.join.progress.offsets == {"scores": 2, "outcomes": 2, "shadow": 1}
    await place.runner.accept([batch_of(score_after(61, offset=2))])
    assert place.totals()[1] == (1, 0, 0)
    assert place.stage.value("leadscore_outcome_scores_total", channel="live", result="joined") == 3


async def test_invalid_outcomes_become_dead_letters_and_tombstones_are_skipped(
    tmp_path: Path,
) -> None:
    place = await Place(OutcomeStage(tmp_path)).open()
    tombstone = FakeRecord(0, 1, SCORED_AT, b"k", None)
    await outcomes(place, FakeRecord(0, 0, SCORED_AT, b"k", b"{}"), tombstone, outcome_record(2))
    [(log, offset, code, _)] = place.dead_letters.sent
    assert (log.topic, log.partition, offset, code) == ("leads.outcomes", 0, 0, "VALIDATION")
    assert place.stage.value("leadscore_outcome_dead_letters_total", code="VALIDATION") == 1
    assert place.stage.treated() == {"invalid": 1, "waiting": 1}
    assert place.join.progress.offsets == {"outcomes": 3}


async def test_the_store_does_not_move_on_without_the_dead_letters(tmp_path: Path) -> None:
    place = await Place(OutcomeStage(tmp_path)).open()

    async def fail(*_: object) -> None:
        raise ConnectionError

    place.dead_letters.send = fail  # type: ignore[method-assign,assignment]
    try:
        await outcomes(place, FakeRecord(0, 0, SCORED_AT, b"k", b"{}"))
    except ConnectionError:
        assert place.join.progress.offsets == {}
    else:
        raise AssertionError("expected the error of the delivery")


async def test_records_that_were_added_before_are_not_added_again(tmp_path: Path) -> None:
    place = await Place(OutcomeStage(tmp_path)).open()
    for _ in range(2):
        await outcomes(place, outcome_record(0), outcome_record(1, day=2))
        await place.runner.accept([batch_of(record_of(0), record_of(1))])
    assert place.stage.treated() == {"waiting": 2}
    await outcomes(place, outcome_record(1, day=2), outcome_record(2, day=3))
    assert place.stage.treated() == {"waiting": 2, "joined": 1}


async def test_records_of_a_revoked_partition_are_left_to_the_next_owner(tmp_path: Path) -> None:
    place = await Place(OutcomeStage(tmp_path)).open()
    revoked = batch_of(record_of(0))
    revoked.revoke()
    await place.runner.accept([revoked])
    assert place.totals() == {}
    await place.partitions.stop()
    await place.runner.accept([batch_of(record_of(0))])
    await outcomes(place, outcome_record(0))
    assert place.stage.app.errors == []


async def test_in_a_play_of_the_past_an_outcome_arrives_when_it_occurs(tmp_path: Path) -> None:
    place = await Place(OutcomeStage(tmp_path), by_creation=True).open()
    await place.runner.accept([batch_of(record_of(0))])
    record = outcome_record(0)._replace(timestamp=SCORED_AT + 1000 * DAY)
    await outcomes(place, record)
    assert place.stage.treated() == {"joined": 1}


async def test_a_shadow_that_is_behind_gets_the_outcomes_of_its_leads(tmp_path: Path) -> None:
    """It scores a lead after its outcome has come, and after the time that live scores are at."""
    place = await Place(OutcomeStage(tmp_path)).open()
    await place.runner.accept([batch_of(record_of(0), record_of(1))])
    await outcomes(place, outcome_record(0))
    behind = scored("lead-0", offset=0, scored_at=SCORED_AT + 10 * DAY, latency_ms=10 * DAY)
    too_late = scored("lead-1", offset=1, scored_at=SCORED_AT + 15 * DAY, latency_ms=15 * DAY)
    records = [record_of(n, value=CODEC.encode(one)) for n, one in enumerate((behind, too_late))]
    await place.runner.accept_followed(SHADOW, records)
    await place.runner.accept([batch_of(score_after(75, offset=2))])
    assert place.totals()[1] == (1, 0, 0)
    read = "leadscore_outcome_scores_total"
    assert place.stage.value(read, channel="shadow", result="joined") == 1
    assert place.stage.value(read, channel="shadow", result="late") == 1


async def test_in_a_play_of_the_past_a_shadow_score_whose_lead_was_dropped_does_not_count(
    tmp_path: Path,
) -> None:
    place = await Place(OutcomeStage(tmp_path), by_creation=True).open()
    far = scored("lead-9", offset=9, created_at=SCORED_AT + 90 * DAY)
    await place.runner.accept([batch_of(record_of(0), record_of(9, value=CODEC.encode(far)))])
    await place.runner.accept_followed(SHADOW, [record_of(0)])
    assert 1 not in place.totals()
    name = "leadscore_outcome_scores_total"
    assert place.stage.value(name, channel="shadow", result="late") == 1


async def test_an_error_ends_the_worker(tmp_path: Path) -> None:
    place = await Place(OutcomeStage(tmp_path)).open()

    def fail(*_: object) -> Sequence[object]:
        raise OSError("disk full")

    place.join.add_scores = fail
    await place.runner.accept([batch_of(record_of(0))])
    [error] = place.stage.app.errors
    assert "disk full" in str(error)
