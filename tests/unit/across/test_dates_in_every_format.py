"""Dates and their age: a lead scores the same in a file, as JSON and as Avro, alone or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from agents.offline import OfflineScorer
from features.field_spec import DateField, DatePart
from features.table_file import parse_table
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from model.serving.predictor import open_predictor
from model.training.boosting import BoostingParameters
from model.training.options import TrainOptions
from model.training.train import TrainedModel, train
from model.training.xgboost_trainer import XgboostTrainer
from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.cli.score import score

pytestmark = pytest.mark.usefixtures("tried_once")

START = datetime(2024, 1, 1, tzinfo=UTC)
QUICK = XgboostTrainer(BoostingParameters(trees=30, max_depth=3, eta=0.3))
OPTIONS = TrainOptions(target="won", id="lead_id", time="Date Created", trainer=QUICK)


def leads(n: int = 1200, seed: int = 3) -> list[dict[str, Any]]:
    """Leads that are won where the last touch was under 30 days before the creation."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        created = START + timedelta(hours=7 * i)
        age = float(rng.uniform(0, 120))
        made.append(
            {
                "lead_id": f"L{i}",
                "Date Created": created,
                "last_touch": created - timedelta(days=age) if i % 10 else None,
                "source": ("web", "event")[i % 2],
                "won": int(rng.random() < (0.9 if age < 30 else 0.1)),
            }
        )
    return made


LEADS = leads()


def as_csv(found: list[dict[str, Any]], *names: str) -> bytes:
    cells = [
        ["" if v is None else v.isoformat() if isinstance(v, datetime) else str(v) for v in values]
        for values in ([lead[name] for name in names] for lead in found)
    ]
    return "\n".join(",".join(line) for line in [names, *cells]).encode()


def in_ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def as_event(lead: dict[str, Any]) -> dict[str, Any]:
    return {
        "lead_id": lead["lead_id"],
        "created_at": in_ms(lead["Date Created"]),
        "last_touch": in_ms(lead["last_touch"]),
        "source": lead["source"],
    }


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    table = parse_table(as_csv(LEADS, *LEADS[0]), "leads.csv")
    return train(table, OPTIONS)


@pytest.fixture(scope="module")
def registry(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    Registry(folder).publish("leads", trained.artefacts)
    return folder


@pytest.fixture(scope="module")
def bundle(registry: Path) -> Bundle:
    return load_bundle(Registry(registry).resolve("leads"), None)


def scored(registry: Path, content: bytes) -> tuple[list[float], str]:
    arguments = ["-", "--registry", str(registry), "--format", "jsonl"]
    result = CliRunner().invoke(score, arguments, input=content)
    assert result.exit_code == 0, result.output
    return [orjson.loads(line)["score"] for line in result.stdout.splitlines()], result.stderr


def by_events(bundle: Bundle, values: list[bytes]) -> list[float]:
    store, spec = SchemaStore.load(), bundle.metadata.spec
    store.add(bundle.metadata.contract)
    decoder = LeadDecoder(store, spec.kinds, readings=spec.readings, names=spec.names)
    decoded = decoder.decode(values)
    assert not decoded.errors
    scorer = OfflineScorer(bundle, open_predictor(bundle))
    return [row["score"] for row in scorer.score(decoded.columns, len(values))]


def test_an_outcome_that_only_the_age_decides_is_learnt(trained: TrainedModel) -> None:
    spec = trained.metadata.spec
    fields = {field.name: field for field in spec.fields}
    assert list(fields) == ["last_touch", "source", "created_at"]
    touched, created = fields["last_touch"], fields["created_at"]
    assert isinstance(touched, DateField)
    assert isinstance(created, DateField)
    assert touched.parts == (DatePart.HOUR, DatePart.WEEKDAY, DatePart.MONTH, DatePart.AGE)
    assert created.parts == (DatePart.HOUR, DatePart.WEEKDAY)
    assert created.source == "Date Created"
    # Nothing tells leads apart that have no date; the others are won at 0.9 and 0.1.
    assert trained.report.cross_validated.auc > 0.8
    assert trained.report.latest is not None
    assert trained.report.latest.auc > 0.8


def test_the_model_is_the_same_each_time(trained: TrainedModel) -> None:
    table = parse_table(as_csv(LEADS, *LEADS[0]), "leads.csv")
    assert train(table, OPTIONS).artefacts.onnx == trained.artefacts.onnx


@pytest.mark.parametrize("n", [1, 60])
def test_a_lead_scores_the_same_in_a_file_and_as_an_event(
    registry: Path, bundle: Bundle, n: int
) -> None:
    names = ("lead_id", "Date Created", "last_touch", "source")
    by_file, said = scored(registry, as_csv(LEADS[:n], *names))
    assert not said
    assert n == 1 or len(set(by_file)) > 5
    assert scored(registry, as_csv(LEADS[:n], *names).replace(b"Date Created", b"created_at")) == (
        by_file,
        "",
    )
    events = [as_event(lead) for lead in LEADS[:n]]
    assert scored(registry, b"\n".join(map(orjson.dumps, events)))[0] == by_file
    store = SchemaStore.load()
    schema = store.add(bundle.metadata.contract)
    for wire in (WireFormat.AVRO, WireFormat.JSON):
        values = [encode_lead(event, schema, wire) for event in events]
        assert by_events(bundle, values) == by_file
        assert [by_events(bundle, [value])[0] for value in values] == by_file


def test_the_column_of_the_training_goes_before_another_created_at(registry: Path) -> None:
    names = ("lead_id", "Date Created", "last_touch", "source")
    alone, _ = scored(registry, as_csv(LEADS[:20], *names))
    beside = [lead | {"created_at": START} for lead in LEADS[:20]]
    assert scored(registry, as_csv(beside, "created_at", *names))[0] == alone


def test_the_id_is_looked_up_by_the_names_of_the_file(registry: Path) -> None:
    """Another column named created_at: the field of that name is Date Created's."""
    names = ("created_at", "Date Created", "last_touch", "source")
    leads = [lead | {"created_at": f"C-{i}"} for i, lead in enumerate(LEADS[:20])]
    arguments = ["-", "--registry", str(registry), "--format", "jsonl", "--id", "created_at"]
    result = CliRunner().invoke(score, arguments, input=as_csv(leads, *names))
    assert result.exit_code == 0, result.output
    found = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [row["lead_id"] for row in found] == [f"C-{i}" for i in range(20)]
    without = as_csv(LEADS[:20], "lead_id", *names[1:])
    assert [row["score"] for row in found] == scored(registry, without)[0]


def test_ages_are_missing_where_the_creation_is_not_known(registry: Path) -> None:
    names = ("lead_id", "last_touch", "source")
    unknown, said = scored(registry, as_csv(LEADS[:60], *names))
    assert said.count("counts as missing") == 1
    assert "has no column Date Created or created_at: it counts as missing" in said
    known, _ = scored(registry, as_csv(LEADS[:60], "Date Created", *names))
    assert known != unknown


def test_created_at_of_seconds_is_the_same_time(bundle: Bundle) -> None:
    event = as_event(LEADS[1])
    seconds = event | {"created_at": event["created_at"] // 1000}
    [exact], [by_seconds] = (by_events(bundle, [orjson.dumps(e)]) for e in (event, seconds))
    assert exact == by_seconds


def test_a_creation_that_gives_nothing_itself_still_gives_ages() -> None:
    """All leads came on Mondays of one quarter, by day."""
    rng = np.random.default_rng(2)
    made = []
    for i in range(600):
        created, age = START + timedelta(days=7 * (i // 50)), int(rng.integers(120))
        touched = created - timedelta(days=age)
        won = int(rng.random() < (0.9 if age < 30 else 0.1))
        made.append({"created": created, "last_touch": touched, "won": won})
    table = parse_table(as_csv(made, *made[0]).replace(b"T00:00:00+00:00", b""), "leads.csv")
    trained = train(table, TrainOptions(target="won", time="created", trainer=QUICK))
    spec = trained.metadata.spec
    assert spec.columns == ("last_touch:weekday", "last_touch:age")
    assert trained.report.fields["created_at"] == 0
    assert trained.report.cross_validated.auc > 0.8
    [touched_field, _] = spec.fields
    assert isinstance(touched_field, DateField)
    assert touched_field.whole_days


def test_a_file_with_created_at_needs_no_option() -> None:
    made = [
        {"created_at": lead["Date Created"]}
        | {k: v for k, v in lead.items() if k != "Date Created"}
        for lead in LEADS
    ]
    table = parse_table(as_csv(made, *made[0]), "leads.csv")
    report = train(table, TrainOptions(target="won", id="lead_id", trainer=QUICK)).report
    assert report.cross_validated.auc > 0.8
    assert report.latest is None
