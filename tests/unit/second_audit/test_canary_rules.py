"""Faults of canaries: each is found, and nothing else is."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.chaos.second_audit.records import Record
from tests.unit.second_audit.forged import NEXT_SHA, SHA, Run, lead, partial, scored

LEADS = [lead(offset) for offset in range(20)]
FIRST = 4
"""The first lead of the step."""


def marked(source: Record, arm: str, sha: str | None = None, share: int = 50) -> Record:
    """The event of a lead while a canary has a share."""
    sha = sha or (NEXT_SHA if arm == "canary" else SHA)
    headers = [("leadscore.canary", f"{arm};{share};120;5ba2".encode())]
    return scored(source, sha)._replace(headers=headers)


def arm_of(source: Record, share: int = 50) -> str:
    lead_id = json.loads(source.value or b"")["lead_id"].encode()
    digest = hashlib.blake2b(lead_id, digest_size=8, key=b"5ba2").digest()
    return "canary" if int.from_bytes(digest, "big") < share / 100 * 2**64 else "production"


def events() -> list[Record]:
    """The events of leads of which the canary has half from the fourth on."""
    step = LEADS[FIRST:]
    return [*map(scored, LEADS[:FIRST]), *(marked(source, arm_of(source)) for source in step)]


def first_of(arm: str) -> int:
    return next(at for at in range(FIRST, len(LEADS)) if arm_of(LEADS[at]) == arm)


def last_of(arm: str) -> int:
    return next(at for at in reversed(range(len(LEADS))) if arm_of(LEADS[at]) == arm)


def test_leads_of_a_canary_are_scored_by_the_model_that_their_hash_names_and_not_counted() -> None:
    own = [*LEADS[:FIRST], *(at for at in LEADS[FIRST:] if arm_of(at) == "production")]
    assert FIRST < len(own) < len(LEADS)
    assert Run(LEADS, events(), partials=[partial(*own)]).faults() == {}


def test_a_lead_that_the_canary_failed_to_score_is_scored_by_production() -> None:
    found = events()
    failed = first_of("canary")
    found[failed] = marked(LEADS[failed], "fallback")
    assert Run(LEADS, found).faults() == {}


@pytest.mark.parametrize(("arm", "other"), [("canary", "production"), ("production", "canary")])
def test_a_lead_that_the_other_model_scored_is_a_fault(arm: str, other: str) -> None:
    found = events()
    at = first_of(arm)
    found[at] = marked(LEADS[at], other)
    assert Run(LEADS, found).faults() == {"arm_of_another_lead": 1}


def test_an_arm_whose_lead_the_model_of_the_other_one_scored_is_a_fault() -> None:
    found = events()
    at = last_of("canary")
    found[at] = marked(LEADS[at], "canary", SHA)
    assert Run(LEADS, found).faults() == {"model_of_another_arm": 1}


def test_a_step_that_comes_back_is_a_fault() -> None:
    found = events()
    found[10] = scored(LEADS[10])
    assert Run(LEADS, found).faults() == {"step_again": 1}


def test_a_header_of_another_form_is_a_fault() -> None:
    found = events()
    found[10] = found[10]._replace(headers=[("leadscore.canary", b"half;50;120;5ba2")])
    assert Run(LEADS, found).faults() == {"event_unreadable": 1, "lost": 1}


def test_a_commit_names_both_models() -> None:
    said = {"leadscore": 1, "at": 20, "model": ["bank", "1", SHA], "since": FIRST}
    said["canary"] = [["bank", "2", NEXT_SHA], 50, "5ba2"]
    assert Run(LEADS, events(), committed=20, metadata=json.dumps(said)).faults() == {}
    del said["canary"]
    alone = Run(LEADS, events(), committed=20, metadata=json.dumps(said)).faults()
    assert alone == {"commit_of_another_model": sum(arm_of(it) == "canary" for it in LEADS[FIRST:])}
