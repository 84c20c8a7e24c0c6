"""The rights that `leadscore acls` prints for `leadscore diff` suffice, and each is asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.comparison.live_scores import LiveScores, by_source, read_live
from stream.comparison.request import Request
from stream.comparison.topic_leads import compare_topic
from stream.settings import Settings
from stream.snapshot.record_sample import TimeRange
from testing.kafka_client import Record, produce, until
from tests.integration.secured_broker import SecuredBroker
from tests.integration.secured_stage import SecuredStage
from tests.integration.worker_process import Stage
from tests.unit.small_model import SmallModel, small_model

EVER = TimeRange(0, 4_102_444_800_000)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    return small_model(tmp_path_factory.mktemp("small"))


@pytest.fixture
async def secured(secured_kafka: SecuredBroker, model: SmallModel, tmp_path: Path) -> SecuredStage:
    """A stage with leads, and a user who has no right yet."""
    stage = Stage(
        {
            "LEADSCORE_ENV": "test",
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": secured_kafka.bootstrap,
            "LEADSCORE_TOPIC_PREFIX": f"t{time.time_ns()}.",
        },
        tmp_path,
    )
    await stage.create_topics(1)
    leads = [Record(value, partition=0) for value in model.values()]
    await produce(secured_kafka.bootstrap, stage.settings.leads_created, leads)
    return SecuredStage(secured_kafka, stage)


async def compare(settings: Settings, model: SmallModel) -> None:
    """Do all that `leadscore diff` does with Kafka: read the leads, and the live scores."""
    request = Request(
        before=model.bundle,
        after=model.bundle,
        sample=100,
        movers=0,
        fields=(),
        has_ids=False,
        outcomes=None,
        seed=0,
    )
    found = await compare_topic(settings, request, EVER, lambda *_: None)
    assert found.is_unchanged
    await read_live(settings, LiveScores({}, 0, by_source), EVER)


async def refusal(settings: Settings, model: SmallModel) -> str | None:
    """Return the sentence with which the command refuses; None if it compares."""
    try:
        await compare(settings, model)
    except StartupError as error:
        return str(error)
    return None


@pytest.mark.long
async def test_diff_needs_no_more_than_is_printed_and_names_each_right_that_is_missing(
    secured: SecuredStage, model: SmallModel
) -> None:
    settings = secured.as_user().settings
    nothing = await refusal(settings, model)
    rights = secured.printed("diff")
    assert nothing is not None
    assert all(str(right) in nothing for right in rights)
    assert "leadscore acls --role diff" in nothing
    await secured.grant(rights)

    async def is_allowed() -> bool:
        return await refusal(settings, model) is None

    await until(is_allowed, what="the comparison with the printed rights")
    for right in rights:
        await secured.revoke(right)
        said: list[str] = []

        async def is_refused(said: list[str] = said) -> bool:
            said[:] = [sentence for sentence in [await refusal(settings, model)] if sentence]
            return bool(said)

        await until(is_refused, what=f"a refusal without {right}")
        assert said[0] == (
            f"expected user worker to have the right {right} in Kafka, but it does not:"
            " `leadscore acls --role diff` prints the commands that grant it"
        )
        await secured.grant([right])
        await until(is_allowed, what=f"the comparison with {right} again")
