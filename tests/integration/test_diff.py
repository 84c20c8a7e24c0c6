"""`leadscore diff` on real Kafka: a range of the topic, and the live scores against a candidate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.bundle import Bundle
from model.registry import Registry
from stream.broker import Broker
from stream.demo.audit import read_scored
from stream.simulator.playing import Lead
from testing.kafka_client import Record, open_admin, produce
from tests.integration.command_process import CommandResult, run_command
from tests.integration.worker_process import SCORED, Stage
from tests.unit.two_models import recalibrated

LEADS = 600


@pytest.fixture
def registry(bank_model: Bundle, tmp_path: Path) -> Path:
    """The registry of the bank's model, with a second version of other scores and bands."""
    folder = tmp_path / "models"
    shutil.copytree(Path(bank_model.location).parents[1], folder)
    assert Registry(folder).publish("bank", recalibrated(bank_model)) == "2"
    return folder


async def run_diff(stage: Stage, registry: Path, *arguments: str) -> CommandResult:
    return await run_command(stage, "diff", *arguments, "--registry", str(registry))


async def figures(stage: Stage, registry: Path, *arguments: str) -> Any:
    code, out, err = await run_diff(stage, registry, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


async def groups(bootstrap: str) -> set[str]:
    async with open_admin(bootstrap) as admin:
        return {name for name, _ in await admin.list_consumer_groups()}


@pytest.mark.long
async def test_live_scores_and_models_over_the_same_leads(
    stage: Stage, kafka: Broker, registry: Path, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:LEADS]))
    await worker.stop_cleanly()
    topic = stage.settings.leads_created
    await produce(kafka.bootstrap, topic, [Record(b"no lead", b"broken", partition=0)])
    before = await groups(kafka.bootstrap)

    same = await figures(stage, registry, "live", "bank/1", "--since", "1h")
    assert same["is_unchanged"], "the scores of the worker, to the bit"
    assert same["before"] == "live scores (bank/1)"
    counts = {"found": LEADS + 1, "sampled": LEADS + 1, "compared": LEADS}
    assert same["counts"] == counts | {"only_before": 0, "only_after": 0, "neither": 1}

    live = await figures(stage, registry, "live", "bank/2", "--since", "1h", "--by", "job")
    models = await figures(stage, registry, "bank/1", "bank/2", "--since", "1h", "--by", "job")
    assert live["score_shift"] == models["score_shift"]
    assert live["bands"] == models["bands"]
    assert live["movers"] == models["movers"]
    assert live["segments"] == models["segments"]
    assert models["score_shift"]["changed"] > 0.9

    scored = {
        f"{topic}/{lead.source[0]}/{lead.source[1]}": lead
        for lead in [read_scored(r.value, SCORED) for r in await stage.scored_records()]
    }
    for mover in live["movers"]:
        assert mover["lead_id"] is None
        assert mover["before"]["score"] == scored[mover["place"]].score
        assert mover["before"]["reasons"] == scored[mover["place"]].reasons
    assert await groups(kafka.bootstrap) <= before, "a group was joined"


async def test_a_sample_of_a_topic_is_compared_with_outcomes_and_written_as_a_page(
    stage: Stage, registry: Path, contacts: list[Lead], tmp_path: Path
) -> None:
    await stage.play(contacts[:LEADS])
    outcomes = tmp_path / "outcomes.csv"
    rows = [f"{lead.lead_id},{i % 2}" for i, lead in enumerate(contacts[:LEADS])]
    outcomes.write_text("\n".join(["lead_id,outcome", *rows]))
    page = tmp_path / "diff.html"
    code, out, err = await run_diff(
        *(stage, registry, "bank/1", "bank/2", "--since", "1h", "--sample", "200", "--json"),
        *("--outcomes", str(outcomes), "--html", str(page)),
    )
    assert code == 0, err
    found = json.loads(out)
    assert (found["counts"]["found"], found["counts"]["compared"]) == (LEADS, 200)
    assert found["quality"]["before"]["rows"] == 200
    assert "<svg" in page.read_text(encoding="utf-8")


async def test_a_range_without_a_lead_ends_with_1(stage: Stage, registry: Path) -> None:
    code, out, err = await run_diff(stage, registry, "live", "bank/2", "--since", "1h")
    assert (code, out) == (1, "")
    assert "there is none: give a longer range" in err
