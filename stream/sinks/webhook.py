"""The sink `webhook`: a signed POST for each event, to one or several targets.

Events of a lead are delivered one after the other, those of several leads at once. A repeat, as
after a crash, has the same id (header `webhook-id`), by which the receiver recognises it. The
events of a batch that a target has taken are remembered while the batch is retried, so another
target that is unavailable causes no repeats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka.errors import KafkaError
from standardwebhooks import Webhook

from schemas.errors import StartupError
from schemas.store import SchemaStore
from stream.kafka.log_reader import LogReader, in_time
from stream.schema_registry.opened import open_lookup
from stream.settings import Settings
from stream.sinks.previous_scores import PreviousScores, Score
from stream.sinks.reading import reader_of
from stream.sinks.sink import (
    SKIPPED,
    WRITTEN,
    Gathering,
    Log,
    SinkBatch,
    SinkRecord,
    TargetUnavailableError,
    Verdict,
    WriteResult,
    refuse,
    retry_later,
)
from stream.sinks.webhook_answer import Answer, Meaning
from stream.sinks.webhook_client import WebhookClient
from stream.sinks.webhook_content import CONTENTS, OVERDUE, SCORES, WebhookContent, event_fields
from stream.sinks.webhook_delivery import Delivery, Event
from stream.sinks.webhook_filters import passes
from stream.sinks.webhook_targets import Target, read_targets
from stream.sinks.webhook_template import Template, read_template

__all__ = ["WebhookSink", "make_sink"]


def make_sink(settings: Settings) -> WebhookSink:
    """Make the sink that the settings name.

    Raises
    ------
    StartupError
        No target is named, or one of them is not valid.
    """
    targets = read_targets(settings)
    content = CONTENTS[settings.sink_content]
    if content is OVERDUE and any(target.needs_previous for target in targets):
        raise StartupError(
            "expected no filter by the score before (band_crossed, score_changed): an event of a"
            " lead that is overdue has none"
        )
    logs = LogReader(settings.kafka_client_options(), settings.isolation_level)
    schemas = open_lookup(settings) if any(target.needs_previous for target in targets) else None
    scores = PreviousScores(
        lambda partition, start, stop: in_time(logs.read(partition, start, stop)),
        reader_of("scores", SchemaStore.load(), None if schemas is None else schemas.registered),
        settings.sink_webhook_lookback,
        schemas,
    )
    return WebhookSink(targets, scores, content)


class _Receiver:
    """A target with its client, its template and its secrets.

    Parameters
    ----------
    target, content
        The target, and what it gets.
    clock
        Returns seconds since 1970.
    """

    def __init__(self, target: Target, content: WebhookContent, clock: Callable[[], float]) -> None:
        self.client = WebhookClient(target)
        self.delivery = Delivery(target, self._post)
        self.template: Template = read_template(target.template, content)
        self._signers = [_signer(target, secret) for secret in target.secrets]
        self._clock = clock

    async def _post(self, event: Event) -> Answer:
        return await self.client.post(event.body, self._headers(event))

    def _headers(self, event: Event) -> dict[str, str]:
        at = datetime.fromtimestamp(int(self._clock()), UTC)
        headers = {
            "content-type": "application/json",
            "idempotency-key": event.event_id,
            "webhook-id": event.event_id,
            "webhook-timestamp": str(int(at.timestamp())),
        }
        body = event.body.decode()
        if self._signers:
            signatures = [signer.sign(event.event_id, at, body) for signer in self._signers]
            headers["webhook-signature"] = " ".join(signatures)
        return headers


class WebhookSink:
    """Sends events to targets; see ``stream.sinks.sink.Sink``.

    Parameters
    ----------
    targets
        The targets.
    scores
        Returns the scores that leads had before, for filters.
    content
        What the events are.
    clock
        Returns seconds since 1970, for signatures.

    Raises
    ------
    StartupError
        A template, a secret or a file of certificates is not valid.
    """

    gathering = Gathering(records=100)

    def __init__(
        self,
        targets: Sequence[Target],
        scores: PreviousScores,
        content: WebhookContent = SCORES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._content = content
        self._receivers = [_Receiver(target, content, clock) for target in targets]
        self._needs_previous = any(target.needs_previous for target in targets)
        self._scores = scores

    def plan(self) -> str:
        """Return the targets with their filters."""
        return "\n".join(_plan(receiver.delivery.target) for receiver in self._receivers)

    async def open(self) -> None:
        """Connect to each target once, without a request."""
        for receiver in self._receivers:
            answer = await receiver.client.reach()
            if answer.meaning is not Meaning.DELIVERED:
                raise _unavailable(receiver.delivery.target, answer.text)

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        """Deliver a batch to each target whose filters it passes."""
        if batch.attempt == 1:
            for receiver in self._receivers:
                receiver.delivery.begin()
        before = await self._before(batch)
        fields = [
            self._fields(batch.log, record, score)
            for record, score in zip(batch.records, before, strict=True)
        ]
        async with asyncio.TaskGroup() as tasks:
            writes = [
                tasks.create_task(self._write_to(receiver, batch, fields, before))
                for receiver in self._receivers
            ]
        found = [write.result() for write in writes]
        verdicts = [_together(each) for each in zip(*found, strict=True)]
        for receiver, of_target in zip(self._receivers, found, strict=True):
            waits = [each.after for each in of_target if each.outcome is WriteResult.RETRY]
            if waits and receiver.delivery.is_unavailable:
                after = max((wait for wait in waits if wait is not None), default=None)
                raise _unavailable(
                    receiver.delivery.target, receiver.delivery.circuit.reason, after
                )
        return verdicts

    async def close(self) -> None:
        """Close the connections."""
        for receiver in self._receivers:
            await receiver.client.close()
        await self._scores.close()

    async def _before(self, batch: SinkBatch) -> Sequence[Score | None]:
        if not self._needs_previous:
            return [None] * len(batch.records)
        try:
            return await self._scores.before(batch)
        except (KafkaError, TimeoutError) as error:
            raise TargetUnavailableError(
                f"earlier scores can't be read from {batch.log.topic} ({type(error).__name__})"
            ) from error

    def _fields(self, log: Log, record: SinkRecord, before: Score | None) -> dict[str, Any] | str:
        """Return the values for filters and templates; a text: why there are none."""
        try:
            return event_fields(self._content, log, record, before)
        except ValueError as error:
            return str(error)

    async def _write_to(
        self,
        receiver: _Receiver,
        batch: SinkBatch,
        fields: Sequence[Mapping[str, Any] | str],
        before: Sequence[Score | None],
    ) -> list[Verdict]:
        """Deliver a batch to one target."""
        target = receiver.delivery.target
        verdicts: list[Verdict] = []
        events: dict[str, list[Event]] = {}
        for record, values, score in zip(batch.records, fields, before, strict=True):
            if isinstance(values, str):
                verdicts.append(refuse(values))
            elif not passes(target, values, score):
                verdicts.append(SKIPPED)
            else:
                try:
                    body = receiver.template(values)
                except (ValueError, TypeError) as error:
                    verdicts.append(
                        refuse(f"the record can't be written as JSON ({type(error).__name__})")
                    )
                    continue
                verdicts.append(WRITTEN)
                event = Event(record.offset, str(values["event_id"]), body)
                events.setdefault(record.lead_id, []).append(event)
        delivered = await receiver.delivery.deliver(events)
        return [
            delivered.get(record.offset, verdict)
            for record, verdict in zip(batch.records, verdicts, strict=True)
        ]


def _together(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a record, from those of all targets."""
    retries = [verdict for verdict in verdicts if verdict.outcome is WriteResult.RETRY]
    if retries:
        return retry_later(max((each.after or 0.0 for each in retries), default=0.0) or None)
    errors = [verdict.error for verdict in verdicts if verdict.outcome is WriteResult.REFUSED]
    if errors:
        return refuse("; ".join(dict.fromkeys(errors)))
    return WRITTEN if WRITTEN in verdicts else SKIPPED


def _unavailable(target: Target, reason: str, after: float | None = None) -> TargetUnavailableError:
    return TargetUnavailableError(f"{target}: {reason}", after)


def _signer(target: Target, secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except Exception:  # of base64, or the package's own for an empty secret
        raise StartupError(
            f"expected the secret of {target.name} to be whsec_ and Base64, as"
            " `openssl rand -base64 32` prints it"
        ) from None


def _plan(target: Target) -> str:
    filters = [
        name
        for name, is_set in (
            ("hot leads only", target.hot_only),
            ("band crossed", target.band_crossed),
            (
                f"score changed by more than {target.score_changed}",
                target.score_changed is not None,
            ),
        )
        if is_set
    ]
    signed = f"signed with {len(target.secrets)} secrets" if target.secrets else "not signed"
    return (
        f"POST to {target}, {signed}; template: {target.template}; events:"
        f" {', '.join(filters) or 'all'}"
    )
