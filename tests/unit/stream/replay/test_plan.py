"""The plan of a replay: written, read, and held to whatever the environment says later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import InputError, StartupError
from schemas.model_identity import ModelIdentity
from stream.replay.account import Account
from stream.replay.plan import ReplayPlan, ReplayRecord, check_id, isolated_topic, new_id
from stream.replay.plan_log import read_record
from stream.replay.ranges import PartitionRange
from stream.settings import Settings, load_settings

NOW = datetime(2026, 5, 31, 9, 30, tzinfo=UTC)
RANGES = (PartitionRange(0, 5, 50, 2), PartitionRange(3, 0, 7))


def plan_of(settings: Settings | None = None, **given: Any) -> ReplayPlan:
    kept = ReplayPlan.kept(settings or load_settings())
    return ReplayPlan(
        **{
            "id": "r1",
            "topic": "leads.created",
            "partitions": 4,
            "ranges": RANGES,
            "model_id": "leads",
            "model_version": "3",
            "model_sha256": "9f" * 32,
            "out": "leads.rescored.r1",
            "dead_letters": "leads.rescored.r1.dlq",
            "group_id": "leadscore-replay-r1",
            "filters": (("country", "DE"),),
            "sample": 0.5,
            "settings": kept,
            "created_at": NOW,
        }
        | given
    )


def test_a_record_is_read_as_it_was_written() -> None:
    plan = plan_of()
    accounts = {0: Account(scored=40, expired=5), 3: Account(gaps=7)}
    record = ReplayRecord(state="ended", plan=plan, accounts=accounts, written_at=NOW)
    found = read_record(record.model_dump_json().encode())
    assert found == record
    assert found.plan.model == ModelIdentity("leads", "3", "9f" * 32)
    assert found.plan.offsets == 52


def test_the_record_of_a_later_version_is_refused() -> None:
    record = ReplayRecord(state="planned", plan=plan_of(), written_at=NOW)
    later = record.model_dump_json().replace('"format":1', '"format":2').encode()
    for value in (later, b"", None, b"{}", b"\xff"):
        with pytest.raises(StartupError, match="version of LeadScore that wrote it"):
            read_record(value)


def test_a_partition_has_one_range() -> None:
    with pytest.raises(ValidationError, match="two ranges"):
        plan_of(ranges=(RANGES[0], RANGES[0]))


def test_the_rules_are_those_of_the_plan_and_the_addresses_those_of_the_environment() -> None:
    planned = load_settings(
        delivery="exactly_once", min_coverage=0.7, output_format="json", max_attempts=3
    )
    later = load_settings(
        delivery="at_least_once",
        min_coverage=0.1,
        kafka_bootstrap_servers="kafka:9092",
        registry="/elsewhere",
        group_id="others",
    )
    settings = plan_of(planned).settings_of(later)
    assert settings.is_exactly_once
    assert (settings.min_coverage, settings.output_format, settings.max_attempts) == (
        0.7,
        "json",
        3,
    )
    assert (settings.kafka_bootstrap_servers, settings.registry) == ("kafka:9092", "/elsewhere")
    assert settings.group_id == "leadscore-replay-r1"
    assert settings.leads_scored == "leads.rescored.r1"
    assert settings.leads_created_dlq == "leads.rescored.r1.dlq"
    assert not settings.drift, "a replay is not counted for drift"


def test_every_id_that_is_made_is_valid_and_a_part_of_the_topic() -> None:
    made = new_id(NOW)
    assert made.startswith("20260531-093000-")
    assert check_id(made) == made
    settings = load_settings(topic_prefix="staging.")
    assert isolated_topic(settings, made) == f"staging.leads.rescored.{made}"


@pytest.mark.parametrize("given", ["", "a b", "a/b", "a.b", "-a", "x" * 65, "ü"])
def test_an_id_that_no_topic_may_have_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="--id"):
        check_id(given)
