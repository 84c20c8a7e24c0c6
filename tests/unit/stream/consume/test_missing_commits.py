"""Which partitions a group reads anew though their leads were scored before."""

from __future__ import annotations

import logging

import pytest

from stream.consume.missing_commits import partitions_read_again, warn_of_missing_commits
from stream.settings import load_settings


@pytest.mark.parametrize(
    ("committed", "ends", "found"),
    [
        pytest.param((), {0: 0, 1: 0}, [], id="nothing was scored yet"),
        pytest.param((), {0: 7, 1: 3}, [0, 1], id="all commits are gone"),
        pytest.param((0,), {0: 7, 1: 3}, [1], id="one commit is gone"),
        pytest.param((0, 1), {0: 7, 1: 3, 2: 0}, [], id="a partition was added"),
    ],
)
def test_partitions_with_events_and_no_commit(
    committed: tuple[int, ...], ends: dict[int, int], found: list[int]
) -> None:
    assert partitions_read_again(committed, ends) == found


async def test_a_broker_that_does_not_answer_keeps_no_worker_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "stream.consume.missing_commits"):
        await warn_of_missing_commits(load_settings(kafka_bootstrap_servers="127.0.0.1:1"))
    assert "could not check whether the group lacks commits" in caplog.text
