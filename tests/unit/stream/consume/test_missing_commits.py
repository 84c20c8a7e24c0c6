"""Partitions that start without a commit though they have outputs."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.errors import StartupError
from stream.consume.foreign_commits import ForeignCommit, ForeignCommits
from stream.consume.lost_records import Loss, LossReason
from stream.consume.missing_commits import MissingCommits

AT = TopicPartition("leads", 3)


class Watch:
    """Reports of a partition whose log has these bounds; None: they can't be read."""

    def __init__(self, bounds: tuple[int, int] | None, *, stops: bool = False) -> None:
        self.bounds = bounds
        self.losses: list[Loss] = []
        self.foreign: list[ForeignCommit] = []
        foreign = ForeignCommits(self.foreign.append, stops=stops)
        self.missing = MissingCommits(self._read, foreign, self.losses.append)

    async def _read(self, _: TopicPartition) -> tuple[int, int]:
        if self.bounds is None:
            raise KafkaConnectionError
        return self.bounds


@pytest.mark.parametrize("end", [0, 39])
async def test_a_log_that_ends_below_the_outputs_is_another_one(
    caplog: pytest.LogCaptureFixture, end: int
) -> None:
    watch = Watch((0, end), stops=True)
    await watch.missing.report(AT, 40)
    assert watch.losses == [Loss(AT, 40, 40, LossReason.LOG_REPLACED)]
    assert watch.foreign == []
    assert "leads/3: its log was truncated or its topic re-created" in caplog.text


async def test_records_above_the_outputs_that_were_removed_are_a_loss() -> None:
    watch = Watch((50, 90))
    await watch.missing.report(AT, 40)
    assert watch.losses == [Loss(AT, 40, 50, LossReason.RETENTION)]
    assert watch.foreign == []


async def test_a_log_that_begins_where_the_outputs_end_loses_and_repeats_nothing() -> None:
    watch = Watch((40, 90), stops=True)
    await watch.missing.report(AT, 40)
    assert (watch.losses, watch.foreign) == ([], [])


@pytest.mark.parametrize(
    ("bounds", "start"), [((0, 40), 0), ((10, 90), 10), (None, 0)], ids=["whole", "cut", "unknown"]
)
async def test_a_log_as_long_as_the_outputs_is_scored_again(
    caplog: pytest.LogCaptureFixture, bounds: tuple[int, int] | None, start: int
) -> None:
    watch = Watch(bounds)
    await watch.missing.report(AT, 40)
    assert watch.losses == []
    assert watch.foreign == [ForeignCommit(AT, start, 40)]
    assert watch.foreign[0].direction == "backward"
    assert "no commit of" in caplog.text
    assert f"{40 - start} offsets are scored again" in caplog.text


async def test_a_worker_stops_where_the_settings_say_so() -> None:
    watch = Watch((0, 40), stops=True)
    with pytest.raises(StartupError, match="LEADSCORE_FOREIGN_COMMITS=accept"):
        await watch.missing.report(AT, 40)
    assert len(watch.foreign) == 1
