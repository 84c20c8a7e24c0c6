"""The topic of plans: a compacted log of replays, one key each."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

from pydantic import ValidationError

from schemas.errors import InputError, StartupError
from stream.kafka.access import Use
from stream.kafka.keyed_log import KeyedLog
from stream.kafka.lenient_polls import all_readable
from stream.replay.account import Account
from stream.replay.plan import ReplayPlan, ReplayRecord, State
from stream.settings import Settings

__all__ = ["PlanLog", "read_record"]

log = logging.getLogger(__name__)


def read_record(value: bytes | None) -> ReplayRecord:
    """Read the record of a replay.

    Raises
    ------
    StartupError
        It is of a later version, or damaged.
    """
    try:
        return ReplayRecord.model_validate_json(value or b"")
    except ValidationError as error:
        raise StartupError(
            "expected the record of a replay in a format that this version knows, but"
            f" {error.errors()[0]['msg']}: use the version of LeadScore that wrote it"
        ) from None


class PlanLog:
    """Writes plans and ends of replays, and reads them.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    use
        Purpose for which it is read: the error about a missing right names it.
    """

    def __init__(self, settings: Settings, use: Use = Use.REPLAY) -> None:
        self._log = KeyedLog(settings, settings.leads_replays, use)

    async def write(
        self, state: State, plan: ReplayPlan, accounts: dict[int, Account] | None = None
    ) -> None:
        """Write a record, and return when all in-sync replicas have it.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        record = ReplayRecord(
            state=state, plan=plan, accounts=accounts or {}, written_at=datetime.now(UTC)
        )
        await self._log.write(plan.id, record.model_dump_json().encode(), "replay")

    async def replays(self) -> dict[str, ReplayRecord]:
        """Return the latest record of each replay, by id, the oldest replay first.

        A record that is damaged, or of a later version, is left out with a warning. This is for a
        list: `get` finds out whether a replay was planned.

        Raises
        ------
        StartupError
            Kafka can't be reached, or a right or the topic is missing.
        FatalError
            Kafka stopped answering.
        """
        latest = await self._log.latest()
        records = {key: self._readable(key, value) for key, value in latest.items()}
        found = {key: record for key, record in records.items() if record is not None}
        return dict(sorted(found.items(), key=lambda item: item[1].plan.created_at))

    def _readable(self, replay_id: str, value: bytes) -> ReplayRecord | None:
        try:
            return read_record(value)
        except StartupError as error:
            log.warning("%s: the record of replay %r: %s", self._log.topic, replay_id, error)
            return None

    async def get(self, replay_id: str) -> ReplayRecord | None:
        """Return the latest record of a replay; None if it was never planned.

        Raises
        ------
        StartupError
            Its record is of a later version, or damaged.
        FatalError
            Kafka stopped answering, or a record of the topic can't be read: it may be the end of
            this replay, which would then run a second time.
        """
        found = (await self._log.latest(all_readable)).get(replay_id)
        return None if found is None else read_record(found)

    async def find(self, replay_id: str) -> ReplayRecord:
        """Return the latest record of a replay.

        Raises
        ------
        InputError
            There is no such replay.
        StartupError, FatalError
            See ``get``.
        """
        if (found := await self.get(replay_id)) is not None:
            return found
        last = ", ".join([*await self.replays()][-5:]) or "none"
        raise InputError(
            f"expected the id of a replay, but {self._log.topic} has no {replay_id!r}; the last"
            f" ones are: {last}. `leadscore replay list` shows all"
        )

    async def follow(self, replay_id: str) -> AsyncIterator[ReplayRecord]:
        """Yield the latest record of a replay, then those that are written later, without end.

        Records that can't be read are left out.
        """
        async with aclosing(self._log.follow()) as steps:
            await anext(steps)  # from here on nothing is missed
            value = (await self._log.latest()).get(replay_id)
            if value is not None and (latest := self._readable(replay_id, value)):
                yield latest
            async for records in steps:
                for record in records:
                    if record.key != replay_id.encode() or record.value is None:
                        continue
                    if found := self._readable(replay_id, record.value):
                        yield found
