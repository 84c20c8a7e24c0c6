"""Rights that are taken away while a worker is at work, and all roles with the least of them."""

from __future__ import annotations

import pytest

from model.bundle import Bundle
from stream.kafka.declared_rights import Right
from stream.simulator.playing import Lead
from tests.chaos.audit import second_audit
from tests.integration.secured_stage import SecuredStage, last_sentence
from tests.integration.traffic import streaming

RATE = 200
ROLES = {
    "score": {"LEADSCORE_ROLE": "score"},
    "exactly-once": {"LEADSCORE_ROLE": "score", "LEADSCORE_DELIVERY": "exactly_once"},
    "drift": {"LEADSCORE_ROLE": "drift"},
    "all": {"LEADSCORE_ROLE": "all", "LEADSCORE_DELIVERY": "exactly_once"},
}


def settings_of(name: str) -> dict[str, str]:
    return {key.removeprefix("LEADSCORE_").lower(): value for key, value in ROLES[name].items()}


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["exactly-once", "all"])
async def test_a_worker_needs_no_more_than_is_printed(
    secured: SecuredStage, contacts: list[Lead], name: str
) -> None:
    environment = ROLES[name]
    await secured.grant(secured.printed(environment["LEADSCORE_ROLE"], **environment))
    await secured.until_allowed(**settings_of(name))
    for part in (contacts[:500], contacts[500:1000]):
        worker = await secured.start(**environment)
        await secured.stage.until_committed(await secured.stage.play(part))
        await worker.stop_cleanly()


USED_AT_WORK = {
    "score": ("created", "scored", "created.dlq", "partials", "group"),
    "exactly-once": ("created", "scored", "created.dlq", "partials", "group", "transactional id"),
    "drift": ("partials", "changelog", "group"),
}
"""Rights by a part of what they are printed as; Read on reports and changelog is for the start."""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "part"), [(name, part) for name, parts in USED_AT_WORK.items() for part in parts]
)
async def test_a_right_that_is_taken_away_ends_the_worker_with_a_sentence(
    secured: SecuredStage, contacts: list[Lead], bank_model: Bundle, name: str, part: str
) -> None:
    environment = ROLES[name]
    rights: list[Right] = secured.printed(environment["LEADSCORE_ROLE"], **environment)
    taken = [right for right in rights if _is_of(right, part)][-1]
    await secured.grant(rights)
    await secured.until_allowed(**settings_of(name))
    if name == "drift":  # somebody whose counts it watches
        await secured.stage.start()
    worker = await secured.start(**environment)
    async with streaming(secured.stage, contacts, rate=RATE) as stream:
        await secured.stage.until_scored(2 * RATE)
        await secured.revoke(taken)
        said = await last_sentence(worker, 3)
        await stream.end()
    assert said.startswith("stopped: expected user worker to have the right ")
    assert str(taken) in said
    is_exactly_once = environment.get("LEADSCORE_DELIVERY") == "exactly_once"
    await second_audit(secured.stage, bank_model, at_rest=False, exactly_once=is_exactly_once)


def _is_of(right: Right, part: str) -> bool:
    return right.name.endswith(part) or part in str(right).split(right.name)[0]
