"""Leads named as in the training file have the scores of the file, in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from features.table_file import parse_table
from model.bundle import load_bundle
from model.metadata import BundleMetadata
from model.registry import Registry
from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.cli.score import score
from stream.cli.train import train

pytestmark = pytest.mark.usefixtures("tried_once")

NAMES = ("lead_id", "Lead Source", "No. of Employees", "来源", "员工")


def rows(n: int = 300) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    found = []
    for i in range(n):
        size, source = int(rng.integers(1, 5000)), ("web", "cold call", "event")[i % 3]
        won = rng.random() < 1 / (1 + np.exp(-(size / 1000 - 2 - (source == "web"))))
        values = (f"L{i}", source, size, ("a", "b")[i % 2], int(rng.integers(50)))
        found.append(dict(zip(NAMES, values, strict=True)) | {"won": int(won)})
    return found


def written(leads: list[dict[str, Any]], *names: str) -> bytes:
    lines = [",".join(names), *(",".join(str(lead[name]) for name in names) for lead in leads)]
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    (folder / "leads.csv").write_bytes(written(rows(), *NAMES, "won"))
    arguments = [str(folder / "leads.csv"), "--target", "won", "--registry", str(folder / "models")]
    result = CliRunner().invoke(train, arguments)
    assert result.exit_code == 0, result.output
    assert "→ u6765u6e90" in result.stdout
    return folder / "models"


@pytest.fixture(scope="module")
def metadata(registry: Path) -> BundleMetadata:
    return load_bundle(Registry(registry).resolve("leads"), None).metadata


def scored(registry: Path, content: bytes) -> tuple[list[dict[str, Any]], str]:
    arguments = ["-", "--registry", str(registry), "--format", "jsonl"]
    result = CliRunner().invoke(score, arguments, input=content)
    assert result.exit_code in (0, 1), result.output
    return [orjson.loads(line) for line in result.stdout.splitlines()], result.stderr


def events(rename: dict[str, str]) -> bytes:
    return b"\n".join(
        orjson.dumps(
            {rename.get(name, name): lead[name] for name in NAMES}
            | {"created_at": 1_704_067_200_000}
        )
        for lead in rows(20)
    )


RENAMED = {
    "as in the file": {},
    "fields": {"Lead Source": "Lead_Source", "No. of Employees": "No__of_Employees"},
    "camel case": {"Lead Source": "leadSource", "No. of Employees": "noOfEmployees"},
    "snake case": {"Lead Source": "lead_source", "No. of Employees": "no_of_employees"},
    "code points": {"来源": "u6765u6e90", "员工": "u5458u5de5"},
}


@pytest.mark.parametrize("rename", RENAMED.values(), ids=RENAMED.keys())
def test_events_have_the_scores_of_the_file(registry: Path, rename: dict[str, str]) -> None:
    by_file, said = scored(registry, written(rows(20), *NAMES))
    assert not said
    assert len({lead["score"] for lead in by_file}) > 10
    assert scored(registry, events(rename)) == (by_file, "")
    header = [rename.get(name, name) for name in NAMES]
    renamed = [{rename.get(name, name): lead[name] for name in NAMES} for lead in rows(20)]
    assert scored(registry, written(renamed, *header)) == (by_file, "")


def test_reasons_have_names_that_are_not_ascii(registry: Path) -> None:
    leads, _ = scored(registry, written(rows(20), *NAMES))
    named = {reason["feature"] for lead in leads for reason in lead["reasons"]}
    assert named <= {"Lead_Source", "No__of_Employees", "来源", "员工"}
    assert named & {"来源", "员工"}


def test_the_contract_has_the_file_s_names_as_aliases(metadata: BundleMetadata) -> None:
    fields: Any = metadata.contract["fields"]
    aliases = {field["name"]: field.get("aliases") for field in fields}
    assert aliases["u6765u6e90"] == ["来源"]
    assert aliases["Lead_Source"] == ["Lead Source"]
    assert SchemaStore.load().add(metadata.contract, "the contract").name == "leads_lead"


@pytest.mark.parametrize("n", [1, 20])
def test_avro_of_other_names_is_read(metadata: BundleMetadata, n: int) -> None:
    store = SchemaStore.load()
    schema = store.add(
        {
            "type": "record",
            "name": "other_lead",
            "fields": [
                {"name": "lead_id", "type": "string"},
                {"name": "created_at", "type": "long"},
                {"name": "leadSource", "type": "string"},
                {"name": "no_of_employees", "type": ["null", "double"]},
            ],
        },
        "here",
    )
    lead = {
        "lead_id": "a",
        "created_at": 1_704_067_200_000,
        "leadSource": "web",
        "no_of_employees": 12.0,
    }
    value = encode_lead(lead, schema, WireFormat.AVRO)
    spec = metadata.spec
    decoder = LeadDecoder(store, spec.kinds, readings=spec.readings, names=spec.names)
    decoded = decoder.decode([value] * n)
    assert not decoded.errors
    assert list(decoded.columns["Lead_Source"]) == ["web"] * n
    assert list(decoded.columns["No__of_Employees"]) == [12.0] * n


def test_an_ambiguous_event_is_refused_and_its_neighbour_scored(registry: Path) -> None:
    lines = [
        {"lead_id": "a", "created_at": 1_704_067_200_000, "leadSource": "web", "lead_source": "x"},
        {"lead_id": "b", "created_at": 1_704_067_200_000, "leadSource": "web"},
    ]
    leads, said = scored(registry, b"\n".join(map(orjson.dumps, lines)))
    assert [lead["lead_id"] for lead in leads] == ["b"]
    assert "line 1: VALIDATION: ambiguous field names" in said


@pytest.mark.parametrize("as_json", [True, False])
def test_few_fields_are_reported(registry: Path, as_json: bool) -> None:
    lead = {"lead_id": "a", "created_at": 1_704_067_200_000, "员工": 3, "else": 1}
    content = orjson.dumps(lead) if as_json else written([lead], "lead_id", "员工", "else")
    _, said = scored(registry, content)
    what = "key" if as_json else "column"
    assert f"has no {what} Lead_Source: it counts as missing" in said
    assert "only 1 of the model's 4 fields were found" in said


@pytest.mark.parametrize("as_json", [True, False])
def test_no_field_is_an_error(registry: Path, as_json: bool) -> None:
    lead = {"lead_id": "a", "created_at": 1_704_067_200_000, "else": 1}
    content = orjson.dumps(lead) if as_json else written([lead], "lead_id", "else")
    result = CliRunner().invoke(score, ["-", "--registry", str(registry)], input=content)
    assert result.exit_code == 2
    assert "has none of the model's fields" in result.stderr


def test_names_of_one_length_are_kept_apart() -> None:
    table = parse_table("员工,来源,κλάδος,Größe\n1,2,3,4".encode(), "leads.csv")
    assert table.names[0] == "u5458u5de5"
    assert table.names[1] == "u6765u6e90"
    assert table.names[3] == "Grosse"
    assert len({*table.names}) == 4
    assert list(table.originals.values()) == ["员工", "来源", "κλάδος", "Größe"]


def test_fastavro_takes_the_aliases(metadata: BundleMetadata) -> None:
    assert fastavro.parse_schema(dict(metadata.contract))
