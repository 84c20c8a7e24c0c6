"""The sink `webhook` against a real server: conformance, signatures, faults, several targets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from agents.outcomes.lead_timers import Overdue
from agents.outcomes.overdue_event import encode_overdue, read_overdue
from schemas.errors import StartupError
from schemas.model_identity import ModelIdentity
from stream.settings import load_settings
from stream.sinks.previous_scores import PreviousScores
from stream.sinks.sink import Sink, SinkBatch, SinkRecord, TargetUnavailableError, WriteResult
from stream.sinks.webhook import WebhookSink, make_sink
from stream.sinks.webhook_content import OVERDUE
from stream.sinks.webhook_targets import Target
from testing.sink_writer import LOG, record
from testing.webhook_receiver import Fault, WebhookReceiver, webhook_receiver
from tests.certificates import Authority
from tests.sink_conformance import Check, batch, each_check, killed, opened, written
from tests.webhook_stage import SECRET, WebhookStage


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def stage(receiver: WebhookReceiver) -> WebhookStage:
    return WebhookStage(receiver)


def no_log(*_: object) -> Any:
    raise AssertionError("the log is not read without a filter that needs it")


def target(receiver: WebhookReceiver, name: str = "crm", **fields: Any) -> Target:
    given = {"secret": SECRET, "allow_private": True} | fields
    return Target(name=name, url=receiver.url, **given)


def sink_to(*targets: Target) -> WebhookSink:
    return WebhookSink(targets, PreviousScores(no_log, lambda _: {}, 10))


async def outcomes(sink: Sink, some: SinkBatch) -> list[WriteResult]:
    return [verdict.outcome for verdict in await sink.write(some)]


@each_check
async def test_it_conforms(check: Check, stage: WebhookStage) -> None:
    await check(stage)


async def test_a_sender_that_is_killed_loses_no_event_and_keeps_the_order_per_lead(
    stage: WebhookStage,
) -> None:
    await killed(stage, records=1000, size=50, kills=2, chance=Random(5))
    assert_order_per_lead(stage.receiver)


def assert_order_per_lead(receiver: WebhookReceiver) -> None:
    first: dict[str, Mapping[str, Any]] = {}
    for received in receiver.received:
        first.setdefault(received.event_id, received.data)
    of_leads: dict[str, list[int]] = {}
    for data in first.values():
        of_leads.setdefault(data["lead_id"], []).append(data["offset"])
    for offsets in of_leads.values():
        assert offsets == sorted(offsets)


async def test_receivers_verify_the_signature_with_the_package_of_the_standard(
    stage: WebhookStage,
) -> None:
    sink = await opened(stage)
    await written(sink, batch(3, 4))
    [received] = stage.receiver.received
    event = Webhook(SECRET).verify(received.body, dict(received.headers))
    assert event["type"] == "lead.scored"
    assert event["timestamp"] == "2026-09-21T14:13:20.003000+00:00"
    assert event["data"]["lead_id"] == "lead-3"
    assert received.headers["webhook-id"] == received.headers["idempotency-key"] == "e-0-3"
    await sink.close()


async def test_while_the_secret_changes_both_secrets_sign(receiver: WebhookReceiver) -> None:
    old = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQ="
    sink = sink_to(target(receiver, secret=f"{SECRET} {old}"))
    await written(sink, batch(0, 1))
    [received] = receiver.received
    for secret in (SECRET, old):
        Webhook(secret).verify(received.body, dict(received.headers))
    await sink.close()


async def test_a_certificate_is_verified_for_the_name_though_the_address_is_connected_to(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.sign("localhost", alternatives=("localhost",)))
    async with webhook_receiver(tls) as receiver:
        by_name = receiver.url.replace("127.0.0.1", "localhost")
        known = target(receiver, ssl_cafile=authority.certificate)
        sink = sink_to(known.model_copy(update={"url": by_name}))
        await written(sink, batch(0, 2))
        assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"
        await sink.close()
        for other in (
            known,  # the certificate is not the one of the address
            target(receiver).model_copy(update={"url": by_name}),  # of an unknown authority
        ):
            sink = sink_to(other)
            with pytest.raises(TargetUnavailableError, match="SSLCertVerificationError"):
                await sink.write(batch(0, 1))
            await sink.close()
        assert len(receiver.received) == 2


@pytest.mark.parametrize("status", [301, 401, 403, 404, 410, 429, 502, 503, 504])
async def test_a_target_that_takes_nothing_is_unavailable_and_no_event_is_a_dead_letter(
    receiver: WebhookReceiver, status: int
) -> None:
    receiver.faults.extend([Fault(status=status, headers={"location": receiver.url})])
    sink = sink_to(target(receiver))
    with pytest.raises(TargetUnavailableError, match=f"HTTP {status}"):
        await sink.write(batch(0, 1))
    assert receiver.attempts == 1, "a redirect is not followed"
    await written(sink, replace(batch(0, 1), attempt=2))
    await sink.close()


@pytest.mark.parametrize("kind", ["closed", "half", "silent", "slow"])
async def test_an_event_without_a_whole_answer_is_sent_again_with_the_same_id(
    receiver: WebhookReceiver, kind: str
) -> None:
    receiver.faults.append(Fault(kind))
    sink = sink_to(target(receiver, timeout_seconds=0.3))
    with pytest.raises(TargetUnavailableError):
        await sink.write(batch(0, 1))
    await written(sink, replace(batch(0, 1), attempt=2))
    assert receiver.attempts == 2
    assert receiver.event_ids == ["e-0-0"]
    await sink.close()


async def test_a_target_that_asks_to_wait_is_not_called_before(receiver: WebhookReceiver) -> None:
    receiver.faults.append(Fault(status=429, headers={"retry-after": "30"}))
    sink = sink_to(target(receiver, concurrency=1))
    for attempt in (1, 2):
        with pytest.raises(TargetUnavailableError) as raised:
            await sink.write(replace(batch(0, 5), attempt=attempt))
        assert 29 < raised.value.after <= 30
    assert receiver.attempts == 1
    await sink.close()


async def test_later_events_of_a_lead_wait_for_one_that_failed_and_other_leads_do_not(
    receiver: WebhookReceiver,
) -> None:
    receiver.fault_of = lambda got: Fault() if got.data["offset"] == 1 else None
    sink = sink_to(target(receiver))
    verdicts = await outcomes(sink, batch(0, 14))  # lead-1 has the offsets 1 and 8
    assert [at for at, outcome in enumerate(verdicts) if outcome is WriteResult.RETRY] == [1, 8]
    receiver.fault_of = lambda _: None
    left = SinkBatch(LOG, [record(1), record(8)], attempt=2)
    await written(sink, left)
    assert len(receiver.received) == 14, "nothing was repeated"
    assert [got.data["offset"] for got in receiver.received[-2:]] == [1, 8]
    await sink.close()


async def test_an_event_on_which_the_target_always_fails_is_refused_in_the_end(
    receiver: WebhookReceiver,
) -> None:
    receiver.fault_of = lambda got: Fault() if got.data["offset"] == 1 else None
    sink = sink_to(target(receiver, attempts=3))
    assert (await outcomes(sink, batch(0, 3)))[1] is WriteResult.RETRY
    for attempt in (2, 3):
        left = SinkBatch(LOG, [record(1)], attempt)
        if attempt == 2:
            with pytest.raises(TargetUnavailableError, match="HTTP 500"):
                await sink.write(left)
        else:
            [verdict] = await sink.write(left)
            assert verdict.outcome is WriteResult.REFUSED
            assert verdict.error == "the target crm failed on the record 3 times: HTTP 500"
    await sink.close()


async def test_a_target_that_is_unavailable_causes_no_repeats_at_another_one() -> None:
    async with webhook_receiver() as good, webhook_receiver() as bad:
        bad.fault_of = lambda _: Fault(status=503)
        sink = sink_to(target(good, "good"), target(bad, "bad"))
        for attempt in range(1, 4):
            with pytest.raises(TargetUnavailableError, match=r"bad \(http://127"):
                await sink.write(replace(batch(0, 20), attempt=attempt))
        assert len(good.received) == 20
        bad.fault_of = lambda _: None
        await written(sink, replace(batch(0, 20), attempt=4))
        assert (len(good.received), len(bad.received)) == (20, 20)
        await sink.close()


async def test_an_open_circuit_lets_one_event_pass_at_a_time(receiver: WebhookReceiver) -> None:
    receiver.fault_of = lambda _: Fault(status=503)
    sink = sink_to(target(receiver, concurrency=1))
    with pytest.raises(TargetUnavailableError):
        await sink.write(batch(0, 7))
    assert receiver.attempts == 5, "the circuit is open after five failures"
    with pytest.raises(TargetUnavailableError):
        await sink.write(replace(batch(0, 7), attempt=2))
    assert receiver.attempts == 6
    receiver.fault_of = lambda _: None
    await written(sink, replace(batch(0, 7), attempt=3))
    assert receiver.attempts == 13
    await sink.close()


async def test_several_leads_are_sent_at_once_up_to_the_limit(receiver: WebhookReceiver) -> None:
    receiver.delay = 0.05
    sink = sink_to(target(receiver, concurrency=3))
    await written(sink, batch(0, 14))
    assert receiver.most_at_once == 3
    assert_order_per_lead(receiver)
    await sink.close()


async def test_only_hot_leads_are_sent_if_no_others_are_wanted(receiver: WebhookReceiver) -> None:
    sink = sink_to(target(receiver, hot_only=True))
    verdicts = await outcomes(sink, batch(48, 52))  # High from 0.5 on
    assert verdicts == [WriteResult.SKIPPED] * 2 + [WriteResult.WRITTEN] * 2
    assert {got.data["category"] for got in receiver.received} == {"High"}
    await sink.close()


async def test_an_event_that_one_target_refuses_is_written_to_the_other_and_named() -> None:
    async with webhook_receiver() as good, webhook_receiver() as bad:
        bad.fault_of = lambda _: Fault(status=400)
        sink = sink_to(target(good, "good"), target(bad, "bad"))
        [verdict] = await sink.write(batch(0, 1))
        assert verdict.error == "the target bad refuses the record: HTTP 400"
        assert len(good.received) == 1
        await sink.close()


async def test_slack_gets_its_message_without_a_signature(receiver: WebhookReceiver) -> None:
    sink = sink_to(target(receiver, secret=None, template="slack"))
    odd = replace(record(73), lead_id="<a & b>")
    assert await outcomes(sink, SinkBatch(LOG, [odd])) == [WriteResult.WRITTEN]
    [received] = receiver.received
    assert "webhook-signature" not in received.headers
    message = orjson.loads(received.body)
    assert message["text"] == "High lead &lt;a &amp; b&gt;: 73%"
    assert message["blocks"][1]["elements"][0]["text"] == "age: over 40 (+0.25)"
    await sink.close()


async def test_an_event_without_a_usable_id_is_refused(receiver: WebhookReceiver) -> None:
    sink = sink_to(target(receiver))
    records = [
        replace(record(at), event={**record(at).event, "event_id": given})
        for at, given in enumerate([None, "", "ü", "a\nb"])
    ]
    assert await outcomes(sink, SinkBatch(LOG, records)) == [WriteResult.REFUSED] * 4
    assert receiver.attempts == 0
    await sink.close()


async def test_a_private_address_is_never_connected_to_unless_allowed(
    receiver: WebhookReceiver,
) -> None:
    public = target(receiver).model_copy(update={"allow_private": False})
    sink = sink_to(public)
    with pytest.raises(TargetUnavailableError, match="no public address"):
        await sink.open()
    with pytest.raises(TargetUnavailableError, match="allow_private"):
        await sink.write(batch(0, 1))
    assert receiver.attempts == 0
    await sink.close()


async def test_a_filter_on_the_band_needs_the_score_before(receiver: WebhookReceiver) -> None:
    async def log_of(*_: object) -> Any:
        for _ in ():
            yield ()

    scores = PreviousScores(log_of, lambda _: {}, 10)
    sink = WebhookSink([target(receiver, band_crossed=True)], scores)
    # lead-0 has 0.42, 0.49, 0.56, 0.63: only the first one and the one above 0.5 pass.
    records = [record(at) for at in (42, 49, 56, 63)]
    assert await outcomes(sink, SinkBatch(LOG, records)) == [
        *(WriteResult.WRITTEN, WriteResult.SKIPPED, WriteResult.WRITTEN, WriteResult.SKIPPED)
    ]
    assert receiver.received[-1].data["previous_category"] == "Low"
    assert receiver.received[-1].data["previous_score"] == 0.49
    await sink.close()


def overdue(offset: int, lead_id: str = "lead-1", category: str = "High") -> SinkRecord:
    timer = Overdue("hot", 1000, 1_801_000, 17, 0.75, category, ModelIdentity("leads", "3", "9f"))
    event = read_overdue(encode_overdue(lead_id, timer, partition=2))
    return SinkRecord(offset, 1_806_000, lead_id, event)


async def test_slack_shows_which_lead_nobody_contacted_in_time(receiver: WebhookReceiver) -> None:
    slack = target(receiver, secret=None, template="slack", hot_only=True)
    sink = WebhookSink([slack], PreviousScores(no_log, lambda _: {}, 10), OVERDUE)
    records = [overdue(4, "<a & b>"), overdue(5, category="Low")]
    assert await outcomes(sink, SinkBatch(LOG, records)) == [
        WriteResult.WRITTEN,
        WriteResult.SKIPPED,
    ]
    [received] = receiver.received
    assert received.headers["webhook-id"] == "hot-2-17-1000"
    message = orjson.loads(received.body)
    lead = "High lead &lt;a &amp; b&gt;"
    assert message["text"] == f"No contact with {lead} (75%) within 30 minutes"
    assert message["blocks"][1]["elements"][0]["text"] == (
        "timer hot, since 1970-01-01T00:00:01+00:00"
    )
    await sink.close()


def test_overdue_leads_have_no_filter_by_the_score_before() -> None:
    with pytest.raises(StartupError, match="band_crossed"):
        make_sink(
            load_settings(
                sink="webhook",
                sink_to="https://example.com",
                sink_content="overdue",
                sink_webhook_secret=SECRET,
                sink_webhook_band_crossed=True,
            )
        )


def test_a_secret_that_is_no_base64_is_named_without_its_value() -> None:
    with pytest.raises(StartupError, match="secret of webhook to be whsec_") as raised:
        make_sink(
            load_settings(
                sink="webhook", sink_to="https://example.com", sink_webhook_secret="whsec_%"
            )
        )
    assert "%" not in str(raised.value)


def test_the_plan_names_the_host_and_the_filters_but_not_the_path() -> None:
    sink = make_sink(
        load_settings(
            sink="webhook",
            sink_to="https://hooks.example.com/T1/B2/token",
            sink_webhook_template="slack",
            sink_webhook_hot_only=True,
        )
    )
    assert sink.plan() == (
        "POST to webhook (https://hooks.example.com), not signed; template: slack; events: hot"
        " leads only"
    )
