"""The generated readers against the plain one, and the plain one against fastavro."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decode import LeadDecoder
from schemas.fields import FieldKind
from schemas.store import Schema, SchemaStore
from tests.contract.generated import damaged, kinds_of, lead_bytes, lead_schemas
from tests.contract.plain_reader import MalformedError, Outcome, plain_outcome, read_fields


def outcome(schema: Schema, kinds: Mapping[str, FieldKind], value: bytes) -> Outcome:
    """Read one lead with the decoder."""
    store = SchemaStore()
    store.add(schema.avro)
    leads = LeadDecoder(store, kinds).decode([value])
    if leads.errors:
        assert leads.positions == leads.lead_ids == []
        ((position, verdict),) = leads.errors
        assert position == 0
        return verdict.code
    assert leads.positions == [0]
    cells = [
        None if isinstance(cell := column[0], float) and np.isnan(cell) else cell
        for column in leads.columns.values()
    ]
    request_id = leads.request_ids[0]
    return (
        leads.lead_ids[0].decode(),
        leads.created_at[0],
        None if request_id is None else request_id.decode(),
        *cells,
    )


def fastavro_fields(schema: Schema, value: bytes) -> tuple[Any, int]:
    """Read one lead with fastavro; return it and the number of unread bytes."""
    body = io.BytesIO(value[10:])
    record = fastavro.schemaless_reader(body, schema.parsed)
    return record, len(body.read())


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_the_decoder_and_fastavro_read_every_valid_lead_alike(data: st.DataObject) -> None:
    schema = data.draw(lead_schemas())
    value = data.draw(lead_bytes(schema))
    kinds = data.draw(kinds_of(schema))
    plain = {name: cell for name, (_, cell) in read_fields(schema, value).items()}
    assert repr((plain, 0)) == repr(fastavro_fields(schema, value))  # repr: NaN equals NaN
    assert outcome(schema, kinds, value) == plain_outcome(schema, kinds, value)


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_damaged_bytes_get_the_same_verdict_or_the_same_lead(data: st.DataObject) -> None:
    schema = data.draw(lead_schemas())
    value = data.draw(damaged(data.draw(lead_bytes(schema))))
    kinds = data.draw(kinds_of(schema))
    assert outcome(schema, kinds, value) == plain_outcome(schema, kinds, value)
    try:
        plain = {name: cell for name, (_, cell) in read_fields(schema, value).items()}
    except MalformedError:
        return
    assert repr((plain, 0)) == repr(fastavro_fields(schema, value))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_cut_of_a_lead_gets_the_same_verdict(data: st.DataObject) -> None:
    schema = data.draw(lead_schemas())
    value = data.draw(lead_bytes(schema))
    kinds = data.draw(kinds_of(schema))
    for size in range(10, len(value)):
        assert outcome(schema, kinds, value[:size]) == plain_outcome(schema, kinds, value[:size])
