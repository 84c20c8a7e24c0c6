"""The rights that `leadscore acls` prints suffice, and each that is missing is named.

All roles and all rights: tests/chaos/test_rights.py.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from model.bundle import Bundle
from model.registry import Alias, Registry
from schemas.encode import encode_lead
from schemas.wire import WireFormat
from stream.kafka.access import Operation
from stream.lag.reader import GroupTopics
from stream.lag.source import open_lags
from stream.process.refusals import REFUSALS
from stream.simulator.playing import Lead
from testing.kafka_client import Record, produce, until
from testing.made import MADE
from tests.integration.secured_stage import SecuredStage, last_sentence
from tests.integration.worker_process import CONTACT, PARTITIONS


async def close_windows(secured: SecuredStage, contacts: list[Lead]) -> None:
    """Send a lead of today to every partition: every window before is complete."""
    today = {"lead_id": "today", "created_at": int(time.time() * 1000)}
    value = encode_lead(dict(contacts[-1].fields) | today, CONTACT, WireFormat.AVRO)
    records = [Record(value, b"today", partition=number) for number in range(PARTITIONS)]
    await produce(secured.broker.bootstrap, secured.settings.leads_created, records)


async def test_each_missing_right_is_named_at_the_start(secured: SecuredStage) -> None:
    rights = secured.printed("all", LEADSCORE_DELIVERY="exactly_once")
    given = {"role": "all", "delivery": "exactly_once"}
    nothing = await secured.until_refused(**given)
    assert all(str(right) in nothing for right in rights)
    await secured.grant(rights)
    await secured.until_allowed(**given)
    for right in rights:
        await secured.revoke(right)
        assert await secured.until_refused(**given) == (
            f"expected user worker to have the right {right} in Kafka, but it does not:"
            " `leadscore acls --role all` prints the commands that grant it"
        )
        await secured.grant([right])
        await secured.until_allowed(**given)


async def test_transactions_that_may_not_last_as_long_as_asked_for_are_refused(
    secured: SecuredStage,
) -> None:
    await secured.grant(secured.printed("score", LEADSCORE_DELIVERY="exactly_once"))
    await secured.until_allowed(delivery="exactly_once")
    said = await secured.until_refused(delivery="exactly_once", delivery_timeout_seconds=400)
    assert "transactions of 400100 ms (LEADSCORE_DELIVERY_TIMEOUT_SECONDS" in said
    assert "transaction.max.timeout.ms is smaller: raise it" in said


async def test_a_scoring_worker_needs_no_more_than_is_printed(
    secured: SecuredStage, contacts: list[Lead]
) -> None:
    await secured.grant(secured.printed("score"))
    await secured.until_allowed(role="score")
    # What the next owner of the partitions reads is within the rights, too.
    for part in (contacts[:500], contacts[500:1000]):
        worker = await secured.start()
        await secured.stage.until_committed(await secured.stage.play(part))
        await worker.stop_cleanly()
    assert len(await secured.stage.scored_records()) == 1000


@pytest.mark.long
async def test_a_shadow_needs_no_more_than_is_printed_and_nothing_of_the_workers_outputs(
    secured: SecuredStage, contacts: list[Lead], bank_model: Bundle, tmp_path: Path
) -> None:
    registry = Registry(shutil.copytree(Path(bank_model.location).parents[1], tmp_path / "models"))
    registry.set_alias("bank", Alias.SHADOW, bank_model.version, MADE)
    rights, settings = secured.printed("shadow"), secured.settings
    written = {right.name for right in rights if right.operation is Operation.WRITE}
    assert written == {settings.leads_scored_shadow, settings.leads_scored_shadow_dlq}
    await secured.grant(rights)
    await secured.until_allowed(role="shadow")
    given = {"LEADSCORE_ROLE": "shadow", "LEADSCORE_REGISTRY": registry.root}
    for start in (0, 500):
        shadow = await secured.start(**given)
        await secured.stage.play(contacts[start : start + 500])

        async def all_are_scored(count: int = start + 500) -> bool:
            return len(await secured.stage.records(settings.leads_scored_shadow)) == count

        await until(all_are_scored, within=120, what="the shadow's scores")
        await shadow.stop_cleanly()
    assert await secured.stage.scored_records() == []


@pytest.mark.long
async def test_a_drift_worker_needs_no_more_than_is_printed_not_even_to_create_its_changelog(
    secured: SecuredStage, contacts: list[Lead]
) -> None:
    rights = secured.printed("drift")
    assert Operation.CREATE not in {right.operation for right in rights}
    await secured.grant(rights)
    await secured.until_allowed(role="drift")
    await secured.stage.start()
    watching = await secured.start(LEADSCORE_ROLE="drift")
    await secured.stage.play(contacts[:2000])
    await close_windows(secured, contacts)

    async def is_reported() -> bool:
        watching.check()
        return bool(await secured.stage.records(secured.settings.leads_drift))

    await until(is_reported, within=120, what="a drift report")
    await watching.stop_cleanly()


@pytest.mark.long
async def test_a_drift_worker_without_its_group_does_not_hang(secured: SecuredStage) -> None:
    rights = secured.printed("drift")
    [group] = [right for right in rights if right.type == "group"]
    await secured.grant([right for right in rights if right != group])
    said = await last_sentence(secured.begin(LEADSCORE_ROLE="drift"), 3)
    assert said.startswith("not started: expected user worker to have the right Read on the group")
    assert str(group) in said


@pytest.mark.long
async def test_a_drift_worker_whose_group_is_taken_away_ends_with_a_sentence(
    secured: SecuredStage,
) -> None:
    rights = secured.printed("drift")
    [group] = [right for right in rights if right.type == "group"]
    await secured.grant(rights)
    await secured.until_allowed(role="drift")
    worker = await secured.start(LEADSCORE_ROLE="drift")
    await secured.revoke(group)
    said = await last_sentence(worker, 3)
    assert said.startswith(f"stopped: expected user worker to have the right {group} in Kafka")


async def test_lag_needs_no_more_than_is_printed_and_each_right_of_it(
    secured: SecuredStage,
) -> None:
    settings = secured.user_settings()
    asked = [GroupTopics(settings.group_id, (settings.leads_created,))]
    rights = secured.printed("lag")

    async def is_refused() -> bool:
        try:
            async with open_lags(settings, asked, "read_committed") as lags:
                await lags.read()
        except REFUSALS:
            return True
        return False

    async def is_allowed() -> bool:
        return not await is_refused()

    await until(is_refused, what="a refusal without rights")
    await secured.grant(rights)
    await until(is_allowed, what="the lag with the printed rights")
    for right in rights:
        await secured.revoke(right)
        await until(is_refused, what=f"a refusal without {right}")
        await secured.grant([right])
        await until(is_allowed, what=f"the lag with {right} again")
