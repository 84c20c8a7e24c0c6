"""Checks of the lead store that every database must pass: a list for each ring."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.rest.bodies import MOST_LEADS
from stream.rest.lead_store import StoredLead, StoreUnavailableError
from stream.rest.sql_lead_store import SqlLeadStore, open_lead_store
from stream.settings import load_settings
from stream.sinks.reading import reader_of
from stream.sinks.sink import Log, SinkBatch, SinkRecord
from stream.sinks.sql import make_sink
from testing.schemas import packaged_schema

__all__ = ["WRITTEN_AT", "Check", "each_check", "filled", "looking_up"]

Check = Callable[[str], Awaitable[None]]
"""A check of the lead store in the database of an URL, which has no table yet."""

LOG = Log("leads.created", 0, "4fJx0a")
WRITTEN_AT = 1_701_100_000_123
"""The time of the records of leads, milliseconds since 1970."""
NUMBERS: Sequence[Any] = [0.1, 1e300, 1e20, -0.5, 5.0, 5, 2**53 + 1, 5e-324]


async def filled(url: str, leads: Sequence[Mapping[str, Any]], wire: WireFormat) -> None:
    """Write leads by the sink `sql`, as it reads them from Kafka."""
    sink = make_sink(load_settings(sink="sql", sink_to=url, sink_content="leads"))
    read, schema = reader_of("leads", SchemaStore.load()), packaged_schema("lead_created")
    records = []
    for offset, lead in enumerate(leads):
        value = orjson.dumps(lead)
        if wire is WireFormat.AVRO:
            value = encode_lead(lead, schema, wire)
        records.append(SinkRecord(offset, WRITTEN_AT, lead["lead_id"], read(value)))
    await sink.open()
    await sink.write(SinkBatch(LOG, records))
    await sink.close()


@asynccontextmanager
async def looking_up(url: str, **settings: Any) -> AsyncIterator[SqlLeadStore]:
    """Yield the lead store of a database."""
    store = open_lead_store(load_settings(rest_lead_store=SecretStr(url), **settings))
    try:
        yield store
    finally:
        await store.close()


async def look_up_leads(url: str) -> None:
    """Known ids are found in one query, unknown ones are not there, and one may come twice."""
    leads = [{"lead_id": f"L-{at}", "created_at": at, "text": "ü"} for at in range(MOST_LEADS)]
    await filled(url, leads, WireFormat.JSON)
    async with looking_up(url) as store:
        await store.probe()
        ids = [str(lead["lead_id"]) for lead in leads]
        stored = [StoredLead(lead, WRITTEN_AT) for lead in leads]
        assert await store.find(ids) == dict(zip(ids, stored, strict=True))
        assert await store.find(["L-3", "nobody", "L-3"]) == {"L-3": stored[3]}
        assert await store.find(["nobody"]) == {}


async def look_up_strange_ids(url: str) -> None:
    """An id is a value, never a part of the query."""
    strange = ["a'b", "a%b", "a{b}", "a:b", "ü\N{GRINNING FACE}", " ", "x" * 5000]
    leads = [{"lead_id": lead_id, "created_at": 1} for lead_id in strange]
    await filled(url, leads, WireFormat.JSON)
    async with looking_up(url) as store:
        assert (await store.find([*strange, "a\0b"])).keys() == set(strange)
        assert await store.find(["a\0b"]) == {}


async def look_up_numbers(url: str) -> None:
    """Numbers are those of the lead: the database may write them in another way."""
    lead = {"lead_id": "a", "created_at": 1, "numbers": NUMBERS}
    await filled(url, [lead], WireFormat.JSON)
    async with looking_up(url) as store:
        found = await store.find(["a"])
    assert found["a"].fields["numbers"] == NUMBERS


async def look_up_missing_table(url: str) -> None:
    """A database without the table is unavailable, with a sentence that says what to do."""
    async with looking_up(url) as store:
        with pytest.raises(StoreUnavailableError, match="leadscore sink sql --content leads"):
            await store.probe()


CHECKS: Sequence[Check] = (
    look_up_leads,
    look_up_strange_ids,
    look_up_numbers,
    look_up_missing_table,
)
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
