"""`leadscore rescore` on real Kafka, with a model that reads the age of a date."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.field_spec import DateField, DatePart
from features.matrix import FeatureEncoder
from features.table_file import read_table
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from model.serving.predictor import open_predictor
from stream.broker import Broker
from testing.kafka_client import Record, TopicFactory, produce
from tests.conftest import StageSetter
from tests.integration.replay_process import Replays
from tests.integration.test_explain import run_explain
from tests.integration.worker_process import event_of

DAY_MS = 86_400_000
ROWS, LEADS = 2_000, 60
FRESH_DAYS = 2.0
"""Leads of the training whose last visit was less than this before them converted, mostly."""


def iso(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def write_history(path: Path) -> None:
    """Write leads of half a year to a CSV file."""
    random = np.random.default_rng(11)
    created = np.sort(random.uniform(0, 180, ROWS)) * DAY_MS + 1_750_000_000_000
    ages = random.uniform(0, 10, ROWS)
    is_won = random.random(ROWS) < np.where(ages < FRESH_DAYS, 0.8, 0.1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["lead_id", "created_at", "last_visit", "converted"])
        for row, (at, age, won) in enumerate(zip(created, ages, is_won, strict=True)):
            rows.writerow([row, iso(at), iso(at - age * DAY_MS), "yes" if won else "no"])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    from model.training.boosting import BoostingParameters
    from model.training.train import TrainOptions, train
    from model.training.xgboost_trainer import XgboostTrainer

    folder = tmp_path_factory.mktemp("visits")
    write_history(folder / "leads.csv")
    options = TrainOptions(
        target="converted",
        id="lead_id",
        time="created_at",
        name="visits",
        trainer=XgboostTrainer(BoostingParameters(trees=30, max_depth=3, eta=0.2)),
    )
    registry = Registry(folder / "models")
    registry.publish("visits", train(read_table(folder / "leads.csv"), options).artefacts)
    return load_bundle(registry.resolve("visits"), None)


class Visitors:
    """Leads of three days ago that had visited half a day before."""

    def __init__(self, now: int) -> None:
        self.created = now - 3 * DAY_MS + np.arange(LEADS) * 60_000
        self.visited = self.created - DAY_MS // 2

    def records(self) -> list[Record]:
        return [
            Record(
                json.dumps(
                    {"lead_id": f"v{row}", "created_at": iso(at), "last_visit": iso(visited)}
                ).encode(),
                f"v{row}".encode(),
                timestamp_ms=at,
            )
            for row, (at, visited) in enumerate(
                zip(self.created.tolist(), self.visited.tolist(), strict=True)
            )
        ]

    def scores(self, model: Bundle, ages_at: int | None) -> dict[str, float]:
        """Return the score of each lead, with the age at its creation or at another time."""
        metadata = model.metadata
        columns = {
            "created_at": self.created.astype(np.float64),
            "last_visit": self.visited.astype(np.float64),
        }
        encoder = FeatureEncoder(metadata.spec, metadata.reference)
        matrix = encoder.encode(columns, LEADS, ages_at=ages_at).matrix
        scores = open_predictor(model).predict(matrix).probability.tolist()
        return {f"v{row}": score for row, score in enumerate(scores)}


@pytest.mark.long
async def test_untouched_leads_have_the_score_of_their_age_at_the_replay_plan(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, model: Bundle
) -> None:
    assert any(
        isinstance(field, DateField) and field.name == "last_visit" and DatePart.AGE in field.parts
        for field in model.metadata.spec.fields
    )
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_REGISTRY=str(Path(model.location).parents[1]),
        LEADSCORE_MODEL="visits",
    )
    await stage.create_topics()
    leads = Visitors(round(time.time() * 1000))
    await produce(kafka.bootstrap, stage.settings.leads_created, leads.records())
    worker = await stage.start()
    await stage.until_scored(LEADS)
    await worker.stop_cleanly()
    replays = Replays(stage, command=("rescore",))
    result = await replays.run("--untouched", "36h", "--id", "r", "--json")
    assert result.code == 0, result.err
    assert "reads the age of no date" not in result.err

    [planned] = (await Replays(stage).run("show", "r", "--json")).lines
    found = {
        event["lead_id"]: event["score"]
        for event in (event_of(record.value) for record in await replays.events("r"))
    }
    assert found == pytest.approx(leads.scores(model, planned["plan"]["ages_at"]), abs=1e-6)
    live = {
        event["lead_id"]: event["score"]
        for event in (event_of(record.value) for record in await stage.scored_records())
    }
    assert live == pytest.approx(leads.scores(model, None), abs=1e-6)
    assert max(found.values()) < 0.4 < 0.5 < min(live.values())

    place = f"{topics.prefix}leads.rescored.r/0/0"
    code, [line], err = await run_explain(stage, place)
    assert (code, err, line["replay_id"], line["is_reproduced"]) == (0, "", "r", True)
    result = await replays.run("--untouched", "36h", "--id", "live", "--into-live", "--yes")
    assert result.code == 0, result.err
    code, [first, change, second], err = await run_explain(stage, "v0", "--history")
    assert (code, err, first["replay_id"], second["replay_id"]) == (0, "", None, "live")
    [part] = change["parts"]
    assert (part["cause"], part["field"]) == ("time", None)
    assert part["log_odds"] == change["log_odds"] < -1
