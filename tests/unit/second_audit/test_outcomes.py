"""Faults of outputs and of commits: each is found, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.second_audit.forged import NEXT_SHA, SHA, Run, dead, lead, scored

LEADS = [lead(offset) for offset in range(4)]
EVENTS = [scored(source) for source in LEADS]
BROKEN = lead(4)._replace(value=b"")


def test_a_sound_run_has_no_fault() -> None:
    run = Run([*LEADS, BROKEN], EVENTS, [dead(BROKEN, "WIRE_FORMAT")], committed=5, end=5)
    assert run.faults() == {}
    assert (run.totals.leads, run.totals.scored) == (5, 4)
    assert run.totals.dead == {"WIRE_FORMAT": 1}


def test_a_lead_without_an_output_is_lost() -> None:
    assert Run(LEADS, EVENTS[:-1]).faults() == {"lost": 1}


def test_a_lead_on_its_way_is_not_lost_while_leads_still_come() -> None:
    assert Run(LEADS, EVENTS[:-1], committed=3, at_rest=False).faults() == {}


def test_a_commit_beyond_what_came_out_is_a_fault() -> None:
    assert Run(LEADS, EVENTS[:2], committed=3, at_rest=False).faults() == {"committed_too_far": 1}


def test_a_commit_beyond_the_end_of_the_log_is_a_fault() -> None:
    assert Run(LEADS, EVENTS, committed=5, end=4).faults() == {"committed_beyond_end": 1}


def test_an_event_of_no_lead_is_a_fault() -> None:
    assert Run(LEADS, [*EVENTS, scored(lead(9))]).faults() == {"of_no_lead": 1}


def test_an_event_of_a_lead_that_retention_removed_is_no_fault() -> None:
    assert Run(LEADS[2:], EVENTS, start=2).faults() == {}


def test_a_repeat_is_a_fault_only_where_it_is_exactly_once() -> None:
    again = [*EVENTS, scored(LEADS[1])]
    run = Run(LEADS, again)
    assert run.faults() == {}
    assert run.totals.repeats == 1
    assert Run(LEADS, again, exactly_once=True).faults() == {"repeated": 1}


def test_a_repeated_dead_letter_is_a_fault_where_it_is_exactly_once() -> None:
    letters = [dead(BROKEN, "WIRE_FORMAT")] * 2
    assert Run([BROKEN], dead=letters).faults() == {}
    assert Run([BROKEN], dead=letters, exactly_once=True).faults() == {"repeated": 1}


def test_a_lead_with_two_event_ids_is_a_fault() -> None:
    events = [*EVENTS, scored(LEADS[1], NEXT_SHA)]
    assert Run(LEADS, events).faults() == {"two_event_ids": 1}


def test_an_event_id_of_two_leads_is_a_fault() -> None:
    first = json.loads(EVENTS[0].value or b"")
    copied = scored(LEADS[1], event_id=first["event_id"])
    assert Run(LEADS, [EVENTS[0], copied, *EVENTS[2:]]).faults() == {"event_id": 1}


def test_events_in_another_order_than_their_leads_are_a_fault() -> None:
    swapped = [EVENTS[0], EVENTS[2], EVENTS[1], EVENTS[3]]
    assert Run(LEADS, swapped).faults() == {"order": 1}


def test_repeated_events_are_no_swapped_order() -> None:
    assert Run(LEADS, [*EVENTS[:3], *EVENTS[1:]]).faults() == {}


def test_dead_letters_in_another_order_than_their_leads_are_a_fault() -> None:
    broken = [lead(offset)._replace(value=None) for offset in range(2)]
    letters = [dead(source, "WIRE_FORMAT") for source in reversed(broken)]
    assert Run(broken, dead=letters).faults() == {"order": 1}


def test_an_event_in_another_partition_than_its_lead_is_a_fault() -> None:
    assert Run(LEADS, [*EVENTS, scored(lead(0, partition=1))]).faults() == {"wrong_partition": 1}


@pytest.mark.parametrize("changed", [{"lead_id": "lead-0-3"}, {"created_at": 5}])
def test_an_event_with_the_facts_of_another_lead_is_a_fault(changed: dict[str, Any]) -> None:
    event = scored(LEADS[1], **changed)
    if "lead_id" in changed:
        event = event._replace(key=b"lead-0-3")
    assert Run(LEADS, [EVENTS[0], event, *EVENTS[2:]]).faults() == {"event_of_another_lead": 1}


def test_an_event_with_another_key_than_its_leads_id_is_a_fault() -> None:
    event = EVENTS[0]._replace(key=b"other")
    assert Run(LEADS, [event, *EVENTS[1:]]).faults() == {"event_key": 1}


def test_an_event_of_a_model_that_nobody_named_is_a_fault() -> None:
    assert Run(LEADS, [scored(LEADS[0], "c" * 64), *EVENTS[1:]]).faults() == {"model_unknown": 1}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"category": "High"}, "category"),
        ({"label": "not_engaged"}, "label"),
        ({"score": 1.5, "category": "High"}, "category"),
    ],
)
def test_a_verdict_that_its_score_does_not_have_is_a_fault(
    changed: dict[str, Any], rule: str
) -> None:
    assert Run(LEADS[:1], [scored(LEADS[0], **changed)]).faults() == {rule: 1}


@pytest.mark.parametrize("value", [b"", b"{}", b"\xc3\x01 no event", b"[1]", None])
def test_an_event_that_cannot_be_read_is_a_fault(value: bytes | None) -> None:
    broken = EVENTS[0]._replace(value=value)
    assert Run(LEADS, [broken, *EVENTS[1:]]).faults() == {"event_unreadable": 1, "lost": 1}


def test_a_lead_that_is_both_scored_and_dead_is_a_fault() -> None:
    letters = [dead(LEADS[0], "OUTPUT_TOO_LARGE")]
    assert Run(LEADS, EVENTS, letters).faults() == {"scored_and_dead": 1}


def test_a_dead_letter_of_another_code_is_a_fault() -> None:
    assert Run([BROKEN], dead=[dead(BROKEN, "DECODE")]).faults() == {"code": 1}


def test_a_dead_letter_of_a_lead_that_can_be_scored_is_a_fault() -> None:
    assert Run(LEADS[:1], dead=[dead(LEADS[0], "TYPE")]).faults() == {"code": 1}


def test_a_dead_letter_of_another_code_than_was_planted_is_a_fault() -> None:
    planted = {(0, 4): "DECODE"}
    letters = [dead(BROKEN, "WIRE_FORMAT")]
    assert Run([BROKEN], dead=letters, planted=planted).faults() == {"code": 1}


def test_a_dead_letter_of_a_lead_that_nobody_broke_is_a_fault() -> None:
    letters = [dead(LEADS[0], "OUTPUT_TOO_LARGE")]
    assert Run(LEADS[:1], dead=letters, planted={}).faults() == {"code": 1}


def test_a_broken_lead_that_was_scored_is_a_fault() -> None:
    wrong = lead(0, age="many")
    assert Run([wrong], [scored(wrong)]).faults() == {"scored_though_broken": 1}


def test_two_dead_letters_of_one_lead_with_different_codes_are_a_fault() -> None:
    letters = [dead(BROKEN, "WIRE_FORMAT"), dead(BROKEN, "DECODE")]
    assert Run([BROKEN], dead=letters).faults() == {"two_codes": 1}


@pytest.mark.parametrize(
    "changed", [{"value": b" "}, {"key": None}, {"value": None}], ids=["value", "key", "none"]
)
def test_a_dead_letter_whose_bytes_were_touched_is_a_fault(changed: dict[str, Any]) -> None:
    letter = dead(BROKEN, "WIRE_FORMAT", **changed)
    assert Run([BROKEN], dead=[letter]).faults() == {"dead_letter_changed": 1}


def test_a_dead_letter_that_lacks_a_header_of_its_lead_is_a_fault() -> None:
    letter = dead(BROKEN, "WIRE_FORMAT")
    letter = letter._replace(headers=[h for h in letter.headers or () if h[0] != "traceparent"])
    assert Run([BROKEN], dead=[letter]).faults() == {"dead_letter_changed": 1}


@pytest.mark.parametrize(("size", "faults"), [(b"0", {}), (b"7", {"dead_letter_changed": 1})])
def test_a_dead_letter_without_its_value_names_the_values_size(
    size: bytes, faults: dict[str, int]
) -> None:
    letter = dead(BROKEN, "WIRE_FORMAT")
    headers = [h for h in letter.headers or () if h[0] != "traceparent"]
    headers.append(("leadscore.value.left.out.bytes", size))
    letter = letter._replace(key=None, value=None, headers=headers)
    assert Run([BROKEN], dead=[letter]).faults() == faults


def test_a_dead_letter_without_reasons_is_unreadable_and_its_lead_lost() -> None:
    assert Run([BROKEN], dead=[BROKEN]).faults() == {"dead_letter_unreadable": 1, "lost": 1}


def of_commit(at: int, sha: str = SHA, since: int = 0) -> str:
    return json.dumps({"leadscore": 1, "at": at, "model": ["bank", "1", sha], "since": since})


def test_a_commit_with_the_metadata_of_a_worker_is_no_fault() -> None:
    run = Run(LEADS, EVENTS, committed=4, metadata=of_commit(4), commits_are_ours=True)
    assert run.faults() == {}


@pytest.mark.parametrize(
    "metadata",
    ["", "[]", "guest", of_commit(3), '{"leadscore": 1}'],
    ids=lambda m: m[:14] or "none",
)
def test_a_commit_without_the_metadata_of_a_worker_is_a_fault_if_workers_alone_commit(
    metadata: str,
) -> None:
    run = Run(LEADS, EVENTS, committed=4, metadata=metadata)
    assert run.faults() == {}
    run = Run(LEADS, EVENTS, committed=4, metadata=metadata, commits_are_ours=True)
    assert run.faults() == {"commit_not_ours": 1}


def test_a_commit_that_names_another_model_than_the_one_that_scored_is_a_fault() -> None:
    events = [*EVENTS[:2], *(scored(source, NEXT_SHA) for source in LEADS[2:])]
    well = Run(LEADS, events, committed=4, metadata=of_commit(4, NEXT_SHA, since=2))
    assert well.faults() == {}
    wrong = Run(LEADS, events, committed=4, metadata=of_commit(4, NEXT_SHA, since=1))
    assert wrong.faults() == {"commit_of_another_model": 1}


def test_a_lead_with_headers_that_no_client_reads_is_a_dead_letter_of_its_bytes() -> None:
    unreadable = lead(0)._replace(headers=None)
    assert Run([unreadable], dead=[dead(unreadable, "UNREADABLE")]).faults() == {}
    assert Run([unreadable], dead=[dead(unreadable, "DECODE")]).faults() == {"code": 1}
    touched = dead(unreadable, "UNREADABLE", value=b"")
    assert Run([unreadable], dead=[touched]).faults() == {"dead_letter_changed": 1}


def test_a_dead_letter_of_the_smallest_form_belongs_to_the_lead_of_its_partition() -> None:
    headers = [
        ("__connect.errors.offset", b"4"),
        ("leadscore.error.code", b"WIRE_FORMAT"),
        ("leadscore.value.left.out.bytes", b"0"),
    ]
    letter = BROKEN._replace(key=None, value=None, headers=headers)
    assert Run([BROKEN], dead=[letter]).faults() == {}
    assert Run([BROKEN], dead=[letter._replace(partition=1)]).faults() == {
        "wrong_partition": 1,
        "lost": 1,
    }
