"""Every command that asks Kafka, on real Kafka: its `--json` is NDJSON, and nothing else is shown.

The other conventions, and the commands without Kafka: tests/unit/across/test_conventions.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stream.__main__ import main
from stream.broker import Broker
from testing.kafka_client import TopicFactory
from tests.unit.across.test_conventions import ASKING
from tests.unit.small_model import small_model


@pytest.fixture
def environment(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> dict[str, str]:
    model = small_model(tmp_path)
    return {
        "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "LEADSCORE_TOPIC_PREFIX": topics.prefix,
        "LEADSCORE_GROUP_ID": f"{topics.prefix}leadscore",
        "LEADSCORE_REGISTRY": str(model.registry),
        "LEADSCORE_MODEL": "leads",
    }


@pytest.mark.long
def test_an_operators_day_as_ndjson(environment: dict[str, str], tmp_path: Path) -> None:
    called: set[str] = set()

    def run(path: str, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """Call a command with --json; return its lines, and check that there is nothing else."""
        called.add(path)
        given = [*path.split(), *arguments, "--json"]
        result = CliRunner().invoke(main, given, env=environment)
        assert result.exit_code == code, result.output
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert all(isinstance(line, dict) for line in lines), result.stdout
        assert not set("\x1b\r") & set(result.stderr), "progress without a terminal"
        return lines

    assert {topic["state"] for topic in run("topics create", "--dry-run")} == {"missing"}
    assert {topic["state"] for topic in run("topics create")} == {"created"}
    assert {topic["state"] for topic in run("topics list")} == {"exists"}
    assert {topic["state"] for topic in run("topics check")} == {"ok"}

    options = ("--count", "200", "--bad", "20%", "--now", "--seed", "1")
    [rehearsed] = run("produce", *options, "--dry-run")
    [sent] = run("produce", *options)
    assert (sent["delivered"], sent["kinds"]) == (rehearsed["events"], rehearsed["kinds"])

    [plan] = run("replay start", "--from", "beginning", "--into-live", "--dry-run")
    assert plan["offsets"] == 200
    *_, ended = run("replay start", "--from", "beginning", "--into-live", "--yes", "--id", "one")
    assert ended["event"] == "ended"
    assert [replay["state"] for replay in run("replay list")] == ["ended"]
    [shown] = run("replay show", "one")
    assert sum(part["read"] for part in shown["partitions"]) == 200
    assert run("replay resume", "one", "--dry-run")[0]["offsets"] == 0
    assert run("replay cancel", "one", "--dry-run", code=2) == []

    [aged] = run("rescore", "--untouched", "1h", "--dry-run")
    assert (aged["scored"], aged["filtered"]) == (0, 200)

    [explained] = run("explain", f"{environment['LEADSCORE_TOPIC_PREFIX']}leads.scored/0/0")
    assert explained["score"] is not None
    assert run("erase", "nobody", "--dry-run", code=0)

    [letters] = [sum(code["letters"] for code in run("dlq stats"))]
    assert letters == sum(part["dead_lettered"] for part in shown["partitions"]) > 0
    first, *_ = run("dlq list", "--limit", "3")
    assert run("dlq show", first["place"])[0]["code"] == first["code"]
    assert len(run("dlq try")) == letters
    [account] = run("dlq redrive", "--dry-run")
    assert account["sent"] == letters
    assert run("dlq redrive")[0]["sent"] == letters
    assert run("dlq purge", "--dry-run")[0]["letters"] == letters
    assert run("dlq purge", "--yes")[0]["letters"] == letters
    assert run("dlq stats") == []

    [compared] = run("diff", "leads", "leads/1", "--since", "1h")
    assert compared["is_unchanged"]
    [snapshot] = run("snapshot", "--since", "1h", "--dry-run", "--output", str(tmp_path / "r"))
    assert snapshot["offsets"] >= 200 + letters, "with the markers of transactions"
    assert not (tmp_path / "r").exists()
    assert {lag["state"] for lag in run("lag", "--over", "1s")} == {"no_commit"}
    assert run("drift status") == [{"window": None, "alarms": []}]
    assert {finding["level"] for finding in run("doctor")} <= {"ok", "warn"}

    assert run("quality") == []
    assert run("models verdict", "leads", "--live", "1", "--candidate", "1", code=2) == []
    assert run("models bands", "leads", "--high", "5", code=2) == [], "all scores are of a replay"
    assert run("retrain run", "--dry-run", code=2) == [], "no lead has an outcome"
    [asked] = run("retrain request", "--dry-run")
    assert asked["is_dry_run"]
    assert run("retrain list") == []
    assert run("retrain show", "none", code=2) == []
    assert run("retrain approve", "none", "--dry-run", code=2) == []

    assert called == set(ASKING)
