"""Partitions that start without a commit though they have outputs."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.errors import StartupError
from stream.consume.foreign_commits import ForeignCommit, ForeignCommits
from stream.consume.lost_records import Loss, LossReason
from stream.consume.missing_commits import MissingCommits
from stream.kafka.commit_metadata import Commit

AT = TopicPartition("leads", 3)


class Watch:
    """Reports of a partition whose log has these bounds; None: they can't be read."""

    def __init__(
        self,
        bounds: tuple[int, int] | None,
        *,
        emitted: int | None = 40,
        stops: bool = False,
        remembers: bool = False,
    ) -> None:
        self.bounds = bounds
        self.emitted = emitted
        self.losses: list[Loss] = []
        self.foreign: list[ForeignCommit] = []
        foreign = ForeignCommits(self.foreign.append, stops=stops)
        self.missing = MissingCommits(
            lambda _: remembers, self._end_of_outputs, self._read, foreign, self.losses.append
        )

    async def _end_of_outputs(self, _: TopicPartition) -> int | None:
        return self.emitted

    async def _read(self, _: TopicPartition) -> tuple[int, int]:
        if self.bounds is None:
            raise KafkaConnectionError
        return self.bounds


@pytest.mark.parametrize("end", [0, 39])
async def test_a_log_that_ends_below_the_outputs_is_another_one(
    caplog: pytest.LogCaptureFixture, end: int
) -> None:
    watch = Watch((0, end), stops=True)
    await watch.missing.report(AT)
    assert watch.losses == [Loss(AT, 40, 40, LossReason.LOG_REPLACED)]
    assert watch.foreign == []
    assert "leads/3: its log was truncated or its topic re-created" in caplog.text


async def test_records_above_the_outputs_that_were_removed_are_a_loss() -> None:
    watch = Watch((50, 90))
    await watch.missing.report(AT)
    assert watch.losses == [Loss(AT, 40, 50, LossReason.RETENTION)]
    assert watch.foreign == []


async def test_a_log_that_begins_where_the_outputs_end_loses_and_repeats_nothing() -> None:
    watch = Watch((40, 90), stops=True)
    await watch.missing.report(AT)
    assert (watch.losses, watch.foreign) == ([], [])


@pytest.mark.parametrize(
    ("bounds", "start"), [((0, 40), 0), ((10, 90), 10), (None, 0)], ids=["whole", "cut", "unknown"]
)
async def test_a_log_as_long_as_the_outputs_is_scored_again(
    caplog: pytest.LogCaptureFixture, bounds: tuple[int, int] | None, start: int
) -> None:
    watch = Watch(bounds)
    await watch.missing.report(AT)
    assert watch.losses == []
    assert watch.foreign == [ForeignCommit(AT, start, 40)]
    assert watch.foreign[0].direction == "backward"
    assert "no commit of" in caplog.text
    assert f"{40 - start} offsets are scored again" in caplog.text


async def test_a_worker_stops_where_the_settings_say_so() -> None:
    watch = Watch((0, 40), stops=True)
    with pytest.raises(StartupError, match="LEADSCORE_FOREIGN_COMMITS=accept"):
        await watch.missing.report(AT)
    assert len(watch.foreign) == 1


async def test_without_outputs_no_commit_is_missing() -> None:
    watch = Watch((0, 40), emitted=0, stops=True)
    await watch.missing.report(AT)
    assert (watch.losses, watch.foreign) == ([], [])


async def test_unreadable_outputs_stop_a_worker_with_the_setting_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It started as if nothing had ever been scored, against the setting."""
    with pytest.raises(StartupError, match=r"right Read on .*LEADSCORE_FOREIGN_COMMITS=accept"):
        await Watch((0, 40), emitted=None, stops=True).missing.report(AT)
    watch = Watch((0, 40), emitted=None)
    await watch.missing.report(AT)
    assert (watch.losses, watch.foreign) == ([], [])
    assert "Whether it was deleted is not known" in caplog.text


async def test_a_commit_of_another_log_is_a_loss() -> None:
    watch = Watch((0, 40))
    watch.missing.report_replaced(AT, Commit(30))
    assert watch.losses == [Loss(AT, 30, 30, LossReason.LOG_REPLACED)]


async def test_a_worker_that_has_seen_the_commit_reports_its_loss_once() -> None:
    """It knows more: how far the old log was read, and where it ended."""
    watch = Watch((0, 20), remembers=True, stops=True)
    await watch.missing.report(AT)
    watch.missing.report_replaced(AT, Commit(30))
    assert (watch.losses, watch.foreign) == ([], [])
