"""The topic of plans: a compacted log of retrainings, one key each."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import ValidationError

from schemas.errors import InputError, StartupError
from stream.kafka.access import Use
from stream.kafka.keyed_log import KeyedLog
from stream.kafka.lenient_polls import all_readable
from stream.retraining.plan import RetrainAccount, RetrainPlan, RetrainRecord
from stream.settings import Settings

__all__ = ["RetrainLog"]

SUBJECT = "retraining"


class RetrainLog:
    """Writes plans and ends of retrainings, and reads them.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    use
        Purpose for which it is read: the error about a missing right names it.
    """

    def __init__(self, settings: Settings, use: Use = Use.RETRAIN) -> None:
        self._plans = KeyedLog(settings, settings.leads_retrains, use)
        self._requests = KeyedLog(settings, settings.leads_retrain, use)

    async def write(self, plan: RetrainPlan, account: RetrainAccount | None = None) -> None:
        """Write a plan, or the end of a retraining; return when all in-sync replicas have it.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        record = RetrainRecord(
            state="planned" if account is None else "ended",
            plan=plan,
            account=account,
            written_at=datetime.now(UTC),
        )
        await self._plans.write(plan.id, record.model_dump_json().encode(), SUBJECT)

    async def request(self, request_id: str, value: bytes) -> None:
        """Write a request for a retraining.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        await self._requests.write(request_id, value, SUBJECT)

    async def records(self) -> dict[str, RetrainRecord]:
        """Return the latest record of each retraining, by id, the oldest retraining first.

        Raises
        ------
        StartupError
            Kafka can't be reached, or a right or the topic is missing; or a record is of a later
            version: whether that retraining runs is then unknown.
        FatalError
            Kafka stopped answering.
        """
        latest = await self._plans.latest(all_readable)
        found = {key: _read(value) for key, value in latest.items()}
        return dict(sorted(found.items(), key=lambda item: item[1].plan.created_at))

    async def find(self, retrain_id: str) -> RetrainRecord:
        """Return the latest record of a retraining.

        Raises
        ------
        InputError
            There is no such retraining.
        """
        found = await self.records()
        if retrain_id in found:
            return found[retrain_id]
        last = ", ".join([*found][-5:]) or "none"
        raise InputError(
            f"expected the id of a retraining, but {self._plans.topic} has no {retrain_id!r}; the"
            f" last ones are: {last}. `leadscore retrain list` shows all"
        )


def _read(value: bytes) -> RetrainRecord:
    try:
        return RetrainRecord.model_validate_json(value)
    except ValidationError as error:
        raise StartupError(
            "expected the record of a retraining in a format that this version knows, but"
            f" {error.errors()[0]['msg']}: use the version of LeadScore that wrote it"
        ) from None
