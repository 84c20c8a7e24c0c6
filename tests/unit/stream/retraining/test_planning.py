"""A plan fixes the model, the offsets, the cut and the rules."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import InputError, StartupError
from stream.kafka.access import Use
from stream.retraining import planning
from stream.retraining.offsets import OffsetRange
from stream.retraining.plan import RetrainPlan
from stream.retraining.planning import make_plan, production_of
from stream.retraining.request import RetrainRequest
from stream.settings import Settings, load_settings
from tests.unit.small_model import SmallModel
from tests.unit.stream.retraining.records import NOW

DAY = 86_400_000
AT = round(NOW.timestamp() * 1000)
REQUEST = RetrainRequest("r1", AT, "anna")


class Stage:
    """Topics of which only the offsets are known."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: SmallModel) -> None:
        self.registry = str(model.registry)
        self.asked: list[tuple[str, int, int]] = []
        self.counts = {"leads.created": 2, "leads.outcomes": 2, "leads.retrains": 1}
        self.ranges: tuple[OffsetRange, ...] = (OffsetRange(0, 3, 9),)
        monkeypatch.setattr(planning, "partition_counts", self._counts)
        monkeypatch.setattr(planning, "topic_ranges", self._ranges)
        monkeypatch.setattr(planning, "_latest_created", self._latest)

    async def _counts(self, *_: object) -> dict[str, int]:
        return self.counts

    async def _ranges(
        self, _: Settings, topic: str, partitions: int, since: int
    ) -> tuple[OffsetRange, ...]:
        self.asked.append((topic, partitions, since))
        return self.ranges

    async def _latest(self, *_: object) -> int:
        return AT - 9 * DAY

    async def plan(self, request: RetrainRequest = REQUEST, **given: Any) -> RetrainPlan:
        options = {name: given.pop(name) for name in ("use", "cut_ms") if name in given}
        settings = load_settings(registry=self.registry, model="leads", **given)
        return await make_plan(settings, request, NOW, **options)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, model: SmallModel) -> Stage:
    return Stage(monkeypatch, model)


async def test_everything_is_fixed(stage: Stage, model: SmallModel) -> None:
    plan = await stage.plan()
    assert (plan.model, plan.production) == ("leads", "1")
    assert plan.production_sha256 == model.bundle.sha256
    assert (plan.leads, plan.cut_ms, plan.executor) == (stage.ranges, AT, "command")
    assert stage.asked == [
        ("leads.created", 2, plan.cut.first),
        ("leads.outcomes", 2, plan.cut.first),
    ]


async def test_a_trainer_executes_its_own_plans(stage: Stage) -> None:
    assert (await stage.plan(use=Use.TRAIN)).executor == "trainer"


async def test_a_cut_can_be_given(stage: Stage) -> None:
    assert (await stage.plan(cut_ms=AT - DAY)).cut_ms == AT - DAY


async def test_by_the_clock_of_creation_the_latest_lead_is_the_cut(stage: Stage) -> None:
    plan = await stage.plan(retrain_time="created")
    assert plan.cut_ms == AT - 9 * DAY
    assert {since for _, _, since in stage.asked} == {0}


@pytest.mark.parametrize(("given", "expected"), [(None, True), (False, False)])
async def test_the_request_overrides_what_is_set(
    stage: Stage, given: bool | None, expected: bool
) -> None:
    request = RetrainRequest("r1", AT, "anna", is_auto=given)
    assert (await stage.plan(request, retrain_auto=True)).is_auto is expected


async def test_without_leads_there_is_no_plan(stage: Stage) -> None:
    stage.ranges = ()
    with pytest.raises(InputError, match=r"expected leads in leads\.created"):
        await stage.plan()


async def test_a_missing_topic_is_named(stage: Stage) -> None:
    del stage.counts["leads.outcomes"]
    with pytest.raises(StartupError, match=r"expected the topic leads\.outcomes"):
        await stage.plan()


@pytest.mark.parametrize("name", ["leads/1", "leads@staging"])
def test_a_fixed_version_has_no_successor(model: SmallModel, name: str) -> None:
    with pytest.raises(InputError, match="the alias production"):
        production_of(load_settings(registry=str(model.registry), model=name))
