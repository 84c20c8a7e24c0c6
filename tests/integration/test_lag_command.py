"""`leadscore lag` as a process: figures, words for faults, and the exporter across an outage."""

from __future__ import annotations

import asyncio
import math
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from stream.broker import BreakableBroker, Broker
from stream.process.child_process import end_child, start_child
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.integration.kafka_tools import described_lag
from tests.integration.test_lag import commit, records

LAG = (sys.executable, "-m", "stream", "lag")


def environment_of(bootstrap: str, **more: str) -> dict[str, str]:
    return os.environ | {"LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": bootstrap} | more


async def call(bootstrap: str, *arguments: str, **more: str) -> tuple[int, str, str]:
    """Call the command to its end; return its exit code and outputs."""
    done = await asyncio.to_thread(
        subprocess.run,
        [*LAG, *arguments],
        env=environment_of(bootstrap, **more),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


async def test_it_prints_a_line_of_json_for_each_partition(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads.created", partitions=2)
    await produce(kafka.bootstrap, topic, records(8, seconds_ago=30))
    await commit(kafka, f"{topics.prefix}leadscore", {TopicPartition(topic, 0): 3})

    code, out, err = await call(
        kafka.bootstrap, "--json", "--over", "2s", LEADSCORE_TOPIC_PREFIX=topics.prefix
    )

    assert (code, err) == (0, "")
    behind, unknown = map(orjson.loads, out.splitlines())
    assert (behind["topic"], behind["partition"], behind["messages"]) == (topic, 0, 5)
    assert 25 < behind["seconds"] < 120
    assert (behind["eta"], behind["eta_seconds"]) == ("never", None)
    assert abs(behind["at"] - time.time()) < 120
    assert (unknown["state"], unknown["messages"], unknown["seconds"]) == ("no_commit", None, None)


async def test_a_group_that_is_not_there_and_a_broker_that_is_not_are_sentences(
    kafka: Broker, topics: TopicFactory
) -> None:
    code, out, err = await call(kafka.bootstrap, "--group", f"{topics.prefix}nobody")
    assert (code, out) == (2, "")
    assert "kafka-consumer-groups.sh --list" in err
    code, out, err = await call("127.0.0.1:1", "--json")
    assert (code, out) == (3, "")
    assert "nothing listens at 127.0.0.1:1" in err
    assert "Traceback" not in err


@contextmanager
def running(bootstrap: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command until the body ends; its outputs are in the folder."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        child = start_child(
            (*LAG, *arguments), env=environment_of(bootstrap), stdout=out, stderr=err
        )
    try:
        yield child
    finally:
        end_child(child)


async def test_watching_continues_until_it_is_stopped(
    kafka: Broker, topics: TopicFactory, tmp_path: Path
) -> None:
    topic = await topics.create("watched")
    await produce(kafka.bootstrap, topic, records(4))
    group = f"{topics.prefix}crm"
    await commit(kafka, group, {TopicPartition(topic, 0): 1})
    options = ("--group", group, "--watch", "--json", "--interval", "1s")
    with running(kafka.bootstrap, tmp_path, *options) as child:

        def has(messages: int) -> bool:
            lines = (tmp_path / "out").read_bytes().splitlines()
            return any(orjson.loads(line)["messages"] == messages for line in lines)

        await until(lambda: has(3), what="3 messages behind")
        await commit(kafka, group, {TopicPartition(topic, 0): 4})
        await until(lambda: has(0), what="caught up")
        child.send_signal(signal.SIGINT)
        await until(lambda: child.poll() is not None, what="the end of watching")
        assert child.returncode == 130
    assert (tmp_path / "err").read_text() == ""


@pytest.mark.long
async def test_the_exporter_stays_up_while_the_broker_is_unavailable_and_says_so(
    breakable_kafka: BreakableBroker, tmp_path: Path
) -> None:
    kafka = breakable_kafka
    topics = TopicFactory(kafka.bootstrap, "")
    topic = await topics.create("exported", partitions=2)
    await produce(kafka.bootstrap, topic, records(7, seconds_ago=20))
    await produce(kafka.bootstrap, topic, [Record(b"v", partition=1)])
    await commit(kafka, "crm", {TopicPartition(topic, 0): 2})
    options = ("--group", "crm", "--port", "0", "--interval", "1s")
    with running(kafka.bootstrap, tmp_path, *options) as child:
        port: list[str] = []

        def is_listening() -> bool:
            port[:] = re.findall(r"metrics on port (\d+)", (tmp_path / "err").read_text())
            return bool(port)

        await until(is_listening, what="the exporter's port")

        async def scrape() -> dict[str, float]:
            url = f"http://127.0.0.1:{port[0]}/metrics"
            answer = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read())
            return {
                f"{sample.name}{sample.labels.get('partition', '')}": sample.value
                for family in text_string_to_metric_families(answer.decode())
                for sample in family.samples
            }

        async def has_lag() -> bool:
            return (await scrape()).get("leadscore_group_lag_records0") == 5

        await until(has_lag, what="the group's lag")
        shown = await scrape()
        assert "leadscore_group_lag_records1" not in shown, "unknown without a commit"
        assert shown["leadscore_group_lag_unknown_partitions"] == 1
        tool = await described_lag(kafka.bootstrap, "crm")
        assert shown["leadscore_group_lag_records0"] == tool[topic, 0].lag
        assert shown["leadscore_group_lag_seconds0"] > 15
        assert not any(math.isnan(value) for value in shown.values())

        kafka.kill()

        async def is_old() -> bool:
            return (await scrape())["leadscore_group_lag_age_seconds"] > 3

        await until(is_old, within=120, what="figures that say that they are old")
        assert (await scrape())["leadscore_group_lag_records0"] == 5
        assert child.poll() is None

        kafka.restart()
        await commit(kafka, "crm", {TopicPartition(topic, 0): 7})

        async def is_new() -> bool:
            return (await scrape()).get("leadscore_group_lag_records0") == 0

        await until(is_new, within=120, what="new figures after the outage")
        child.send_signal(signal.SIGTERM)
        await until(lambda: child.poll() is not None, what="the exporter's end")
        assert child.returncode == 0
