"""The examples as a reader of the README runs them, with a worker on real Kafka."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.bundle import Bundle
from stream.broker.node import free_ports
from testing.kafka_client import Record, produce, until
from tests.integration.test_serve import TOKEN, serving
from tests.integration.worker_process import Stage, event_of

REPEATS = 3
CONVERTS = ("poutcome=success", "contact=cellular", "month=mar", "euribor3m=0.7")
WITHIN = 60.0
TRAINED_WITHIN = 240.0  # seconds on an idle machine


class Example:
    """A run of an example."""

    def __init__(self, output: Path, *words: str, **environment: str) -> None:
        self._words = words
        self._output = output
        self._log = output.with_suffix(".log")  # the client logs there that it retries
        with output.open("wb") as out, self._log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *words], env=os.environ | environment, stdout=out, stderr=errors
            )

    @property
    def lines(self) -> list[str]:
        return self._output.read_text().splitlines()

    @property
    def errors(self) -> str:
        return self._log.read_text()

    async def until(self, condition: Callable[[list[str]], bool]) -> None:
        def holds() -> bool:
            assert self.process.poll() is None, self.errors
            return condition(self.lines)

        await until(holds, within=WITHIN, what=f"{self._words[0]} to say so")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(stage: Stage, tmp_path: Path) -> Iterator[Callable[..., Example]]:
    """Start an example that reads the stage's scored leads."""
    runs: list[Example] = []
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": stage.settings.kafka_bootstrap_servers,
        "LEADSCORE_LEADS_SCORED": stage.settings.leads_scored,
    }

    def start(*words: str) -> Example:
        runs.append(Example(tmp_path / f"{len(runs)}.txt", *words, **environment))
        return runs[-1]

    yield start
    for run in runs:
        run.end()


def counts_at(port: int) -> dict[str, float]:
    """Return the example's counter by category."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        page = answer.read().decode()
    pattern = r'^sales_leads_total\{category="(\w+)"\} (\S+)$'
    return {name: float(count) for name, count in re.findall(pattern, page, re.MULTILINE)}


async def test_an_event_that_is_delivered_again_is_shown_and_counted_once(
    stage: Stage, start: Callable[..., Example]
) -> None:
    [port] = free_ports(1)
    scored, created = stage.settings.leads_scored, stage.settings.leads_created
    reader = start("examples/read_scores.py")
    metric = start("examples/category_metric.py", "--topic", scored, "--port", str(port))
    await metric.until(lambda lines: lines == [f"reads {scored}"])
    await stage.start()

    # One lead twice, so that all of it is in one partition and comes in this order.
    first = start("examples/send_lead.py", "L-1", "contact=telephone", "--topic", created)
    assert await asyncio.to_thread(first.process.wait, WITHIN) == 0, first.errors
    assert re.fullmatch(rf"L-1 is record 0 of {re.escape(created)}-\d", "\n".join(first.lines))
    await stage.until_scored(1)
    [record] = await stage.scored_records()
    again = Record(record.value, record.key, partition=record.partition)
    await produce(stage.settings.kafka_bootstrap_servers, scored, [again] * REPEATS)
    second = start("examples/send_lead.py", "L-1", *CONVERTS, "--topic", created)
    assert await asyncio.to_thread(second.process.wait, WITHIN) == 0, second.errors
    await stage.until_scored(2 + REPEATS)

    events = [event_of(record.value) for record in await stage.scored_records()]
    expected = [
        f"L-1 {event['score']:.3f} {event['category']}" for event in (events[0], events[-1])
    ]
    await reader.until(lambda lines: lines[-1:] == expected[-1:])
    assert reader.lines == expected
    categories = {event["category"] for event in events}
    assert len(categories) == 2
    await until(lambda: counts_at(port).keys() == categories, within=WITHIN, what="both counted")
    assert counts_at(port) == dict.fromkeys(categories, 1.0)


def test_past_leads_become_a_model_that_scores_new_ones(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "examples/train_and_score.py", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=TRAINED_WITHIN,
    )

    assert run.returncode == 0, run.stderr
    assert "Better than giving everyone the base rate" in run.stdout
    first, second = run.stdout.splitlines()[-2:]
    assert re.fullmatch(r"N-1  0\.\d{3} (High|Medium) +source referral \(\+\d\.\d\d\)", first)
    assert re.fullmatch(r"N-2  0\.\d{3} Low     \w+ .+ \(-\d\.\d\d\)", second)


@pytest.mark.parametrize("example", ["send_lead", "train_and_score", "category_metric"])
def test_each_says_what_it_takes(example: str) -> None:
    run = subprocess.run(
        [sys.executable, f"examples/{example}.py", "--help"], capture_output=True, text=True
    )

    assert run.returncode == 0
    assert "usage:" in run.stdout


def test_leads_are_scored_over_http(bank_model: Bundle) -> None:
    with serving(bank_model) as (url, _):
        run = subprocess.run(
            [sys.executable, "examples/score_over_http.py"],
            capture_output=True,
            text=True,
            env=os.environ | {"LEADSCORE_URL": url, "LEADSCORE_REST_TOKEN": TOKEN},
        )
    assert run.returncode == 0, run.stderr
    first, second, wrong = run.stdout.splitlines()
    assert re.fullmatch(r"L-1 0\.\d+ (High|Medium|Low)", first)
    assert re.fullmatch(r"L-2 0\.\d+ (High|Medium|Low)", second)
    assert wrong.startswith("1 VALIDATION expected ")
