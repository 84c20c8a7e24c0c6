"""A contract may grow: who knows the old version reads the new one, and the other way round."""

import copy
import io
from typing import Any

import fastavro
import numpy as np
import pytest

from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.fields import FieldKind
from schemas.record_codec import OLDER
from schemas.store import Schema, SchemaStore
from schemas.wire import WireFormat
from testing.schemas import packaged_schema
from tests.contract.leads import FULL


def grown(schema: Schema) -> dict[str, Any]:
    """The next version: one nullable field more, in the middle."""
    avro = copy.deepcopy(dict(schema.avro))
    avro["fields"].insert(4, {"name": "budget", "type": ["null", "double"], "default": None})
    return avro


@pytest.mark.parametrize("name", FULL)
def test_a_model_of_v1_reads_leads_of_v2(name: str) -> None:
    store = SchemaStore.load()
    v1 = store.by_name(name)
    assert v1 is not None
    v2 = store.add(grown(v1))
    values = [
        encode_lead({**FULL[name], "budget": 5.0}, v2, WireFormat.AVRO),
        encode_lead(FULL[name], v1, WireFormat.AVRO),
    ]
    number = next(key for key, value in FULL[name].items() if isinstance(value, float))
    level = "job" if "job" in FULL[name] else "seniority"
    leads = LeadDecoder(store, {number: FieldKind.NUMBER, level: FieldKind.CATEGORY}).decode(values)
    assert not leads.errors
    assert leads.columns[number].tolist() == [FULL[name][number]] * 2
    assert leads.columns[level] == [FULL[name][level]] * 2


@pytest.mark.parametrize("name", FULL)
def test_a_model_of_v2_reads_leads_of_v1(name: str) -> None:
    store = SchemaStore.load()
    v1 = store.by_name(name)
    assert v1 is not None
    v2 = store.add(grown(v1))
    leads = LeadDecoder(store, {"budget": FieldKind.NUMBER}).decode(
        [
            encode_lead(FULL[name], v1, WireFormat.AVRO),
            encode_lead({**FULL[name], "budget": 5.0}, v2, WireFormat.AVRO),
        ]
    )
    assert not leads.errors
    np.testing.assert_array_equal(leads.columns["budget"], [np.nan, 5.0])


def written(writer: Any, record: dict[str, Any]) -> io.BytesIO:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, writer, record)
    body.seek(0)
    return body


def test_readers_of_scores_take_the_other_version() -> None:
    """Before and after replays: the field ``replay_id`` came, at the end."""
    new = packaged_schema("lead_scored").parsed
    old = SchemaStore().add_file(OLDER / "lead_scored.avsc").parsed
    event = {field["name"]: _any(field["type"]) for field in old["fields"]}
    replayed = {**event, "replay_id": "r1"}

    assert fastavro.schemaless_reader(written(new, replayed), new, old) == event
    assert fastavro.schemaless_reader(written(old, event), old, new) == {**event, "replay_id": None}


def test_a_reader_of_scores_that_ignores_the_fingerprint_reads_the_next_version() -> None:
    """The new field is the last one: who reads by the old schema alone stops before it."""
    new = packaged_schema("lead_scored").parsed
    old = SchemaStore().add_file(OLDER / "lead_scored.avsc").parsed
    event = {field["name"]: _any(field["type"]) for field in old["fields"]}
    body = written(new, {**event, "replay_id": "r1"})
    assert fastavro.schemaless_reader(body, old, None) == event


def _any(avro_type: Any) -> Any:
    match avro_type:
        case "string":
            return "x"
        case "double":
            return 0.5
        case "boolean":
            return True
        case "long" | "int":
            return 7
        case {"type": "array"}:
            return []
        case {"type": "record", "fields": fields}:
            return {field["name"]: _any(field["type"]) for field in fields}
        case {"type": inner}:
            return _any(inner)
    raise AssertionError(avro_type)
