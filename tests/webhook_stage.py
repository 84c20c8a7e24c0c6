"""A stage of the sink `webhook` for the conformance checks: a receiver in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from stream.settings import load_settings
from stream.sinks.sink import SinkRecord
from stream.sinks.webhook import WebhookSink, make_sink
from testing.sink_writer import record
from testing.webhook_receiver import Fault, Received, WebhookReceiver
from tests.sink_conformance import Row, Stage

SECRET = "whsec_bGVhZHNjb3JlLWxlYWRzY29yZS1sZWFkc2NvcmU="
REFUSED = "refused by the receiver"


class WebhookStage(Stage):
    """A receiver that recognises repeats by their ids, as docs/sinks.md asks of it."""

    keeps_latest = False

    def __init__(self, receiver: WebhookReceiver, **options: str) -> None:
        self.receiver = receiver
        self.environment: Mapping[str, str] = {
            "LEADSCORE_SINK": "webhook",
            "LEADSCORE_SINK_TO": receiver.url,
            "LEADSCORE_SINK_WEBHOOK_SECRET": SECRET,
            "LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE": "true",
        } | options
        receiver.fault_of = _refuse_marked

    def sink(self) -> WebhookSink:
        return make_sink(
            load_settings(
                **{
                    name.removeprefix("LEADSCORE_").lower(): value
                    for name, value in self.environment.items()
                }
            )
        )

    async def rows(self) -> list[Row]:
        first = {received.event_id: received.data for received in reversed(self.receiver.received)}
        rows = [Row(data["lead_id"], data["score"], data["offset"]) for data in first.values()]
        return sorted(rows, key=lambda row: row.offset)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await self.receiver.stop()
        try:
            yield
        finally:
            await self.receiver.start()

    def refused(self, offset: int) -> SinkRecord:
        return replace(record(offset), event={**record(offset).event, "label": REFUSED})


def _refuse_marked(received: Received) -> Fault | None:
    return Fault(status=422) if received.data["label"] == REFUSED else None
