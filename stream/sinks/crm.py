"""The sink `crm`: scores in the records of HubSpot, Salesforce or Dynamics 365.

The CRM's own record says what it has: each batch reads the properties that it is about to write,
and writes those that are newer and differ. So nothing is remembered that a restart, a rebalance or
an edit in the CRM could make untrue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.errors import StartupError
from stream.crm.account import Change, CrmAccount, CrmUnavailableError, Result
from stream.crm.accounts import CRMS, make_account
from stream.settings import PREFIX, Settings
from stream.sinks.crm_fields import CrmFields
from stream.sinks.sink import (
    WRITTEN,
    Gathering,
    SinkBatch,
    TargetUnavailableError,
    Verdict,
    WriteResult,
    refuse,
    retry_later,
)

__all__ = ["CrmSink", "make_sink"]

CALLS = 5
"""Full calls that one batch is gathered for."""
SECONDS = 1.0
"""Longest time to gather them: a call of few records counts as much as one of many."""


def make_sink(settings: Settings) -> CrmSink:
    """Make the sink that the settings name.

    Raises
    ------
    StartupError
        No CRM is named, or a setting for it is missing.
    """
    name = settings.sink_to
    if name not in CRMS:
        raise StartupError(
            f"expected the name of a CRM in --to or {PREFIX}SINK_TO: one of {', '.join(CRMS)}"
        )
    fields = CrmFields(settings.crm_fields, CRMS[name].property_of)
    return CrmSink(make_account(name, settings), fields)


class CrmSink:
    """Writes scores to a CRM; see ``stream.sinks.sink.Sink``.

    Parameters
    ----------
    account
        The records.
    fields
        The properties to write.
    """

    def __init__(self, account: CrmAccount, fields: CrmFields) -> None:
        self.gathering = Gathering(account.most_records * CALLS, SECONDS)
        self._account = account
        self._fields = fields

    def plan(self) -> str:
        """Return the properties that must be there; the sink creates none."""
        return "\n".join(
            f"-- writes {field} to the property {to} of {self._account.title}"
            for field, to in self._fields.by_field.items()
        )

    async def open(self) -> None:
        """Check that the CRM has the properties."""
        try:
            await self._account.verify(self._fields.names)
        except CrmUnavailableError as error:
            raise TargetUnavailableError(str(error), error.after) from None

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        """Write the latest event of each lead; an earlier one if that is refused."""
        verdicts = [WRITTEN] * len(batch.records)
        properties: dict[int, dict[str, Any]] = {}
        waiting: dict[str, list[int]] = {}
        for position, record in enumerate(batch.records):
            try:
                properties[position] = self._fields.of(record)
            except ValueError as error:
                verdicts[position] = refuse(str(error))
            else:
                waiting.setdefault(record.lead_id, []).append(position)
        try:
            while waiting:
                waiting = await self._write_latest(waiting, properties, verdicts)
        except CrmUnavailableError as error:
            raise TargetUnavailableError(str(error), error.after) from None
        return verdicts

    async def close(self) -> None:
        """Close the connections."""
        await self._account.close()

    async def _write_latest(
        self,
        waiting: Mapping[str, list[int]],
        properties: Mapping[int, Mapping[str, Any]],
        verdicts: list[Verdict],
    ) -> dict[str, list[int]]:
        """Write the latest waiting event of each lead.

        Returns
        -------
        dict
            Positions that still wait, by lead: the earlier events of those that were refused.
        """
        latest = {lead_id: properties[at[-1]] for lead_id, at in waiting.items()}
        results = await self._write(latest)
        rest: dict[str, list[int]] = {}
        for lead_id, result in results.items():
            positions = waiting[lead_id]
            verdict = self._verdict(result)
            if verdict.outcome is WriteResult.RETRY:  # the later ones must not overtake the earlier
                for position in positions:
                    verdicts[position] = verdict
                continue
            verdicts[positions[-1]] = verdict
            if verdict.outcome is WriteResult.REFUSED and positions[:-1]:
                rest[lead_id] = positions[:-1]
        return rest

    async def _write(self, latest: Mapping[str, Mapping[str, Any]]) -> dict[str, Result]:
        """Write the properties that differ; return the outcome of each."""
        results: dict[str, Result] = {}
        ids = list(latest)
        for start in range(0, len(ids), self._account.most_records):
            some = ids[start : start + self._account.most_records]
            found = await self._account.read(some, self._fields.names)
            changes = [
                Change(each, latest[each])
                for each in some
                if self._fields.is_to_write(latest[each], found.get(each))
            ]
            written = await self._account.write(changes)
            results |= {change.id: result for change, result in zip(changes, written, strict=True)}
        return results

    def _verdict(self, result: Result) -> Verdict:
        if not result.code:
            return WRITTEN
        if result.may_pass:
            return retry_later(result.after)
        return refuse(f"{self._account.title} refuses the record ({result.code})")
