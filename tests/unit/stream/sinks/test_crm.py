"""The sink `crm` on local servers of each CRM: conformance, own properties, changes, limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from schemas.errors import FatalError, StartupError
from stream.settings import load_settings
from stream.sinks.crm import make_sink
from stream.sinks.sink import SinkBatch, SinkRecord, TargetUnavailableError, WriteResult
from testing.crm_server import CrmServer
from testing.hubspot_server import HubSpotServer
from testing.salesforce_server import SalesforceServer
from testing.sink_writer import LOG, record
from tests.crm_stage import SERVERS, CrmStage, sink_of, with_client
from tests.sink_conformance import Check, batch, each_check, killed, opened, written

of_each_crm = pytest.mark.parametrize("name", SERVERS)


@pytest.fixture
async def server(name: str) -> AsyncIterator[CrmServer]:
    server = SERVERS[name]()
    async with server.running():
        yield server


@pytest.fixture
def stage(name: str, server: CrmServer) -> CrmStage:
    return CrmStage(name, server)


def of_lead(lead_id: str, offset: int, **fields: Any) -> SinkRecord:
    return replace(record(offset, **fields), lead_id=lead_id)


@of_each_crm
@each_check
async def test_it_conforms(check: Check, stage: CrmStage) -> None:
    await check(stage)


@pytest.mark.parametrize(
    "name",
    [
        "hubspot",
        pytest.param("salesforce", marks=pytest.mark.long),
        pytest.param("dynamics", marks=pytest.mark.long),
    ],
)
async def test_a_writer_that_is_killed_leaves_the_latest_score_of_each_lead(
    stage: CrmStage,
) -> None:
    await killed(stage, records=600, size=20, kills=1, chance=Random(3))


@of_each_crm
async def test_only_own_properties_are_written(name: str, server: CrmServer) -> None:
    server.records["lead-0"] = {
        server.key: "lead-0",
        "phone": "1",
        server.property_of("score"): 0.9,
    }
    sink = await opened(CrmStage(name, server))
    await written(sink, batch(0, 1))
    assert server.records["lead-0"] == {
        server.key: "lead-0",
        "phone": "1",
        server.property_of("score"): 0.0,
        server.property_of("category"): "Low",
        server.property_of("reasons"): "age: over 40 (+0.25)",
        server.property_of("scored_at"): "2026-09-21T14:13:20.000Z",
        server.property_of("order"): "1790000000000",
    }
    await sink.close()


@of_each_crm
async def test_a_score_that_is_the_same_is_not_written_again(name: str, server: CrmServer) -> None:
    sink = await opened(CrmStage(name, server))
    first = of_lead("lead-1", 0, score=0.7, category="High")
    same = of_lead("lead-1", 1, score=0.70000001, category="High")
    other = of_lead("lead-1", 2, score=0.8, category="High")
    await written(sink, SinkBatch(LOG, [first]))
    await written(sink, SinkBatch(LOG, [same]))
    assert server.written == ["lead-1"]
    await written(sink, SinkBatch(LOG, [other]))
    assert server.written == ["lead-1"] * 2
    await sink.close()


@of_each_crm
async def test_a_property_that_was_edited_in_the_crm_gets_the_next_score(
    name: str, server: CrmServer
) -> None:
    sink = await opened(CrmStage(name, server))
    await written(sink, SinkBatch(LOG, [of_lead("lead-1", 0, score=0.7)]))
    server.records["lead-1"][server.property_of("score")] = 0.1
    await written(sink, SinkBatch(LOG, [of_lead("lead-1", 1, score=0.7)]))
    assert server.records["lead-1"][server.property_of("score")] == 0.7
    await sink.close()


@of_each_crm
async def test_the_event_before_a_refused_one_is_written(stage: CrmStage) -> None:
    sink = await opened(stage)
    earlier = replace(record(1), lead_id="lead-2")
    verdicts = await sink.write(SinkBatch(LOG, [earlier, stage.refused(2)]))
    assert [verdict.outcome for verdict in verdicts] == [WriteResult.WRITTEN, WriteResult.REFUSED]
    assert stage.server.records["lead-2"][stage.server.property_of("score")] == 0.01
    await sink.close()


@of_each_crm
async def test_a_refusal_has_the_code_and_no_text_of_the_crm(stage: CrmStage) -> None:
    sink = await opened(stage)
    [verdict] = await sink.write(SinkBatch(LOG, [stage.refused(2)]))
    code = (
        "0x80048d19" if stage.environment["LEADSCORE_SINK_TO"] == "dynamics" else "INVALID_OPTION"
    )
    assert verdict.error.endswith(f"refuses the record ({code})")
    assert "Jane" not in verdict.error
    await sink.close()


@of_each_crm
async def test_a_call_has_no_more_records_than_the_crm_takes(name: str, server: CrmServer) -> None:
    sink = await opened(CrmStage(name, server))
    many = SinkBatch(LOG, [of_lead(f"lead-{at:04}", at) for at in range(450)])
    await written(sink, many)
    assert len(server.records) == 450
    await sink.close()


@of_each_crm
async def test_a_limit_is_waited_for_as_long_as_the_crm_asks(name: str, server: CrmServer) -> None:
    sink = await opened(CrmStage(name, server))
    server.busy, server.retry_after = 1, "17"
    with pytest.raises(TargetUnavailableError, match="status 429") as raised:
        await sink.write(batch(0, 1))
    assert raised.value.after == 17
    await written(sink, batch(0, 1))
    await sink.close()


@of_each_crm
async def test_an_expired_token_is_replaced(name: str, server: CrmServer) -> None:
    more = {"crm_token_url": f"{server.url}/oauth2/token"} if name != "salesforce" else {}
    sink = sink_of(name, server, **with_client(), **more)
    await sink.open()
    server.tokens = {"another"}
    await written(sink, batch(0, 3))
    assert (server.given_tokens, len(server.records)) == (2, 3)
    await sink.close()


@of_each_crm
async def test_a_token_that_is_refused_stops_the_sink(name: str, server: CrmServer) -> None:
    sink = sink_of(name, server, crm_token="an-old-one")
    with pytest.raises(FatalError, match="LEADSCORE_CRM_TOKEN") as raised:
        await sink.open()
    assert "an-old-one" not in str(raised.value)
    await sink.close()


@of_each_crm
async def test_a_missing_property_stops_the_sink(name: str, server: CrmServer) -> None:
    fields = {"score": server.property_of("score"), "order": "no_such_property"}
    sink = sink_of(name, server, crm_fields=fields)
    with pytest.raises(FatalError, match="LEADSCORE_CRM_FIELDS"):
        await sink.open()
    await sink.close()


@of_each_crm
async def test_an_event_without_a_score_is_refused_alone(name: str, server: CrmServer) -> None:
    sink = await opened(CrmStage(name, server))
    broken = replace(record(1), event={"lead_id": "lead-1"})
    verdicts = await sink.write(SinkBatch(LOG, [record(0), broken]))
    assert [verdict.outcome for verdict in verdicts] == [WriteResult.WRITTEN, WriteResult.REFUSED]
    await sink.close()


@of_each_crm
async def test_ids_of_all_characters_name_their_records(name: str, server: CrmServer) -> None:
    sink = await opened(CrmStage(name, server))
    ids = ["O'Hara", "a\\b", "é/ü?&=%", "a b,c)", "'"]
    records = [of_lead(lead_id, at, score=0.5) for at, lead_id in enumerate(ids)]
    await written(sink, SinkBatch(LOG, records), SinkBatch(LOG, records))
    assert sorted(server.records) == sorted(ids)
    assert len(server.written) == len(ids), "each was found when it came again"
    await sink.close()


@pytest.mark.parametrize("name", ["hubspot"])
async def test_hubspots_batch_that_is_refused_as_a_whole_is_halved(
    stage: CrmStage, server: HubSpotServer
) -> None:
    server.has_multi_status = False
    sink = await opened(stage)
    records = [of_lead(f"lead-{at}", at) for at in range(40)]
    records[17] = replace(stage.refused(17), lead_id="lead-17")
    verdicts = await sink.write(SinkBatch(LOG, records))
    assert [at for at, each in enumerate(verdicts) if each.outcome is WriteResult.REFUSED] == [17]
    assert len(server.records) == 39
    await sink.close()


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
async def test_the_end_of_a_days_requests_is_a_long_pause(
    stage: CrmStage, server: HubSpotServer | SalesforceServer
) -> None:
    sink = await opened(stage)
    server.is_daily = True
    with pytest.raises(TargetUnavailableError, match="of the day") as raised:
        await sink.write(batch(0, 1))
    assert raised.value.after == 900
    await sink.close()


@pytest.mark.parametrize("name", ["hubspot"])
async def test_contacts_by_hubspots_own_id_are_updated_and_never_created(
    server: HubSpotServer,
) -> None:
    server.contacts["51"] = {"email": "e"}
    sink = sink_of("hubspot", server, crm_key="hs_object_id")
    await sink.open()
    records = [of_lead(lead_id, at) for at, lead_id in enumerate(("51", "52", "no number"))]
    verdicts = await sink.write(SinkBatch(LOG, records))
    assert [each.outcome for each in verdicts] == [
        *(WriteResult.WRITTEN, WriteResult.REFUSED, WriteResult.REFUSED)
    ]
    assert "OBJECT_NOT_FOUND" in verdicts[1].error
    assert server.contacts["51"] | {"leadscore_score": 0.0} == server.contacts["51"]
    assert list(server.contacts) == ["51"]
    await sink.close()


@pytest.mark.parametrize("name", ["salesforce"])
async def test_a_locked_row_is_retried_with_the_later_events_of_its_lead(
    stage: CrmStage, server: SalesforceServer
) -> None:
    sink = await opened(stage)
    server.locked = {"lead-1"}
    records = [of_lead("lead-1", 0), of_lead("lead-2", 1), of_lead("lead-1", 2)]
    verdicts = await sink.write(SinkBatch(LOG, records))
    assert [each.outcome for each in verdicts] == [
        WriteResult.RETRY,
        WriteResult.WRITTEN,
        WriteResult.RETRY,
    ]
    await written(sink, SinkBatch(LOG, [records[0], records[2]]))
    await sink.close()


@pytest.mark.parametrize("name", ["salesforce"])
async def test_a_key_that_is_no_external_id_stops_the_sink(server: SalesforceServer) -> None:
    server.is_external_id = False
    sink = sink_of("salesforce", server)
    with pytest.raises(FatalError, match="to be an external id"):
        await sink.open()
    await sink.close()


@pytest.mark.parametrize("name", ["dynamics"])
async def test_a_request_of_a_batch_that_is_throttled_is_retried(
    name: str, server: Any, stage: CrmStage
) -> None:
    sink = await opened(stage)
    server.throttled = 1
    verdicts = await sink.write(batch(0, 2))
    assert [each.outcome for each in verdicts] == [WriteResult.RETRY, WriteResult.WRITTEN]
    assert verdicts[0].after == 3
    await sink.close()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sink_to": ""}, "LEADSCORE_SINK_TO: one of hubspot, salesforce, dynamics"),
        ({"sink_to": "pipedrive"}, "one of hubspot"),
    ],
)
def test_a_target_that_is_no_crm_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StartupError, match=sentence):
        make_sink(load_settings(sink="crm", **given))


def test_the_plan_names_the_properties() -> None:
    sink = sink_of("dynamics", SERVERS["dynamics"](), crm_url="https://o.crm.dynamics.com")
    assert "score to the property new_leadscore_score of Dynamics" in sink.plan()
