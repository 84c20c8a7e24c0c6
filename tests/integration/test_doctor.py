"""The checks of `leadscore doctor` on real Kafka: a sound stage, and one fault after the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson
from aiokafka.admin import RecordsToDelete
from aiokafka.structs import TopicPartition

from stream.broker import Broker
from stream.doctor.examination import CHECKS, examine
from stream.doctor.finding import Finding, Level
from stream.kafka.consumer import open_consumer
from stream.kafka.shared_settings import shared_settings
from stream.kafka.topic_admin import create_topics
from stream.settings import Settings
from testing.kafka_client import (
    Record,
    TopicFactory,
    open_admin,
    produce,
    set_topic_configs,
    until,
)
from tests.integration.secured_stage import SecuredStage
from tests.integration.worker_process import Stage


def settings_of(kafka: Broker, topics: TopicFactory, **more: object) -> Settings:
    return Settings(
        kafka_bootstrap_servers=kafka.bootstrap,
        topic_prefix=topics.prefix,
        **more,  # type: ignore[arg-type]
    )


async def findings(
    settings: Settings, environment: Mapping[str, str] | None = None, *only: str
) -> dict[str, list[Finding]]:
    """Return the findings by check."""
    checks = [check for check in CHECKS if not only or check.name in only]
    found: dict[str, list[Finding]] = {}
    async for check, finding in examine(settings, environment or {}, checks):
        found.setdefault(check, []).append(finding)
    return found


async def test_a_sound_stage_has_no_failure(stage: Stage) -> None:
    found = await findings(stage.settings)
    assert set(found) == {check.name for check in CHECKS} - {"schema registry"}, "none is set"
    failures = [one for many in found.values() for one in many if one.level is Level.FAIL]
    assert failures == []
    assert "4.0 or later" in found["broker"][0].sentence
    assert found["clock"][0].level is Level.OK
    assert all("one replica" in one.sentence for one in found["replication"])
    assert "nothing to replay" in found["replay"][0].sentence
    assert "bank/1" in found["registry"][0].sentence
    assert "fingerprint" in found["schemas"][0].sentence


async def test_the_command_ends_with_1_only_for_a_failure(stage: Stage) -> None:
    def run(**more: str) -> tuple[int, list[dict[str, str]]]:
        done = subprocess.run(
            [sys.executable, "-m", "stream", "doctor", "--json"],
            env=os.environ | stage.environment | more,
            capture_output=True,
            text=True,
        )
        return done.returncode, [orjson.loads(line) for line in done.stdout.splitlines()]

    code, lines = run(LEADSCORE_TYPO="1")
    assert code == 0, lines
    assert {"settings", "broker", "disk"} <= {line["check"] for line in lines}
    assert [line["level"] for line in lines if line["check"] == "settings"] == ["warn"]
    code, lines = run(LEADSCORE_MODEL="nobody")
    assert code == 1
    assert [line["check"] for line in lines if line["level"] == "fail"] == ["registry"]


async def test_faults_of_topics_are_found(kafka: Broker, topics: TopicFactory) -> None:
    settings = settings_of(kafka, topics)
    missing = await findings(settings, None, "topics", "co-partitioning")
    assert {one.level for one in missing["topics"]} == {Level.FAIL}
    assert missing["co-partitioning"][0].level is Level.WARN

    await topics.create("leads.scored", partitions=2)
    await topics.create("leads.created", partitions=3)
    await topics.create("leads.created.dlq", partitions=3)
    unequal = await findings(settings, None, "co-partitioning")
    assert [one.level for one in unequal["co-partitioning"]] == [Level.FAIL]
    assert "leads.scored" in unequal["co-partitioning"][0].sentence


async def test_faults_of_configs_are_found(kafka: Broker, topics: TopicFactory) -> None:
    settings = settings_of(kafka, topics)
    await create_topics(settings, partitions=1)
    configs = {"retention.ms": "3600000", "min.insync.replicas": "2"}
    await set_topic_configs(kafka.bootstrap, settings.leads_created, configs)

    found = await findings(settings, None, "retention", "replication")

    assert [one.level for one in found["retention"]] == [Level.FAIL]
    assert "LEADSCORE_LONGEST_OUTAGE_DAYS" in found["retention"][0].sentence
    assert any(
        one.level is Level.FAIL and "nothing can be written" in one.sentence
        for one in found["replication"]
    )


async def test_a_replay_goes_back_to_the_oldest_record_that_is_left(
    kafka: Broker, topics: TopicFactory
) -> None:
    settings = settings_of(kafka, topics)
    await create_topics(settings, partitions=1)
    days = (
        Record(b"v", partition=0, timestamp_ms=stamp)
        for stamp in (1_750_000_000_000, 1_760_000_000_000)
    )
    configs = {"retention.ms": "-1", "message.timestamp.before.max.ms": str(2**62)}
    await set_topic_configs(kafka.bootstrap, settings.leads_created, configs)
    await produce(kafka.bootstrap, settings.leads_created, days)
    whole = await findings(settings, None, "replay")
    async with open_admin(kafka.bootstrap) as admin:
        await admin.delete_records({TopicPartition(settings.leads_created, 0): RecordsToDelete(1)})
    cut = await findings(settings, None, "replay")
    assert "2025-06-15" in whole["replay"][0].sentence
    assert "2025-10-09" in cut["replay"][0].sentence


async def test_a_group_in_another_mode_is_found(kafka: Broker, topics: TopicFactory) -> None:
    settings = settings_of(kafka, topics)
    await create_topics(settings, partitions=1)
    other = settings.model_copy(update={"delivery": "exactly_once"})
    consumer = open_consumer(
        settings.kafka_client_options(),
        group_id=settings.group_id,
        shared=shared_settings(other),
    )
    consumer.subscribe([settings.leads_created], listener=None)  # type: ignore[arg-type]
    await consumer.start()
    try:
        found: list[Finding] = []

        async def has_joined() -> bool:
            found[:] = (await findings(settings, None, "group"))["group"]
            return "no worker" not in found[0].sentence

        await until(has_joined, what="a member of the group")
        same = (await findings(other, None, "group"))["group"]
    finally:
        await consumer.stop()
    assert [one.level for one in found] == [Level.FAIL]
    assert "'exactly_once' (1)" in found[0].sentence
    assert [one.level for one in same] == [Level.OK]


async def test_commits_that_expire_within_the_longest_outage_are_found(stage: Stage) -> None:
    settings = stage.settings.model_copy(update={"longest_outage_days": 365.0})
    found = await findings(settings, None, "retention")
    assert any("offsets.retention.minutes" in one.sentence for one in found["retention"])


async def test_a_leads_topic_that_is_compacted_is_found(
    kafka: Broker, topics: TopicFactory
) -> None:
    settings = settings_of(kafka, topics)
    await create_topics(settings, partitions=1)
    await set_topic_configs(
        kafka.bootstrap, settings.leads_created, {"cleanup.policy": "compact,delete"}
    )
    found = await findings(settings, None, "retention")
    assert any("is compacted" in one.sentence for one in found["retention"])


async def test_faults_of_the_model_are_found(stage: Stage, tmp_path: Path) -> None:
    source = Path(stage.settings.registry)
    registry = tmp_path / "models"
    shutil.copytree(source, registry)
    (registry / "bank" / "aliases.json").write_text('{"production": "7"}')
    settings = stage.settings.model_copy(update={"registry": str(registry), "model": "bank/1"})
    alias = await findings(settings, None, "aliases", "registry")
    assert [one.level for one in alias["aliases"]] == [Level.FAIL]
    assert [one.level for one in alias["registry"]] == [Level.OK]
    model = registry / "bank" / "1" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    damaged = await findings(settings, None, "registry", "schemas")
    assert "model.onnx" in damaged["registry"][0].sentence
    assert [one.level for one in damaged["schemas"]] == [Level.WARN]


async def test_rights_that_are_missing_are_found_and_no_topic_is_called_missing(
    secured: SecuredStage,
) -> None:
    settings = secured.user_settings(role="score")
    found = await findings(settings)
    assert [one.level for one in found["rights"]] == [Level.FAIL]
    assert "leadscore acls --role score" in found["rights"][0].remedy
    said = [one.sentence for many in found.values() for one in many]
    assert not any("does not exist" in one and "may not see" not in one for one in said)
    assert all(one.remedy for many in found.values() for one in many if one.level is not Level.OK)

    await secured.grant(secured.printed("score"))
    lines: dict[str, list[Finding]] = {}

    async def is_allowed() -> bool:
        lines.update(await findings(settings, None, "rights", "topics", "replay", "group"))
        return all(one.level is not Level.FAIL for one in lines["rights"])

    await until(is_allowed, what="the rights of the role")
    assert all("optional right" in one.sentence for one in lines["rights"])
    assert [one.level for one in lines["topics"]] == [Level.OK]
