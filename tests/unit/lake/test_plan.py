"""The account of a backfill: the sum of its parts, balanced or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lake.plan import OutputFile, PartAccount, Plan, sum_up
from tests.unit.lake.data_sets import plan_for, request_for, write_leads
from tests.unit.small_model import SmallModel


@pytest.fixture
def plan(model: SmallModel, tmp_path: Path) -> Plan:
    return plan_for(model, request_for(write_leads(tmp_path / "a.parquet", model.leads[:250])))


def account(part: int, rows: int, **rejected: int) -> PartAccount:
    return PartAccount(
        part=part,
        rows=rows,
        scored=rows - sum(rejected.values()),
        rejected=rejected,
        output=OutputFile(name=f"part-{part:05}.parquet", size=1, sha256="0" * 64),
    )


def test_the_whole_is_the_sum_of_the_parts(plan: Plan) -> None:
    whole = sum_up([account(2, 50), account(0, 100, TYPE=2), account(1, 100, TIME=1, TYPE=1)])
    assert (whole.rows, whole.scored, whole.rejected) == (250, 246, {"TIME": 1, "TYPE": 3})
    assert [part.part for part in whole.parts] == [0, 1, 2]
    assert whole.is_balanced(plan)


@pytest.mark.parametrize(
    "parts",
    [
        [account(0, 100), account(1, 100)],
        [account(0, 100), account(1, 100), account(2, 49)],
        [account(0, 100), account(1, 100), account(2, 50).model_copy(update={"scored": 49})],
    ],
    ids=["a part is missing", "a row was not read", "a row was lost"],
)
def test_an_account_that_does_not_add_up(plan: Plan, parts: list[PartAccount]) -> None:
    assert not sum_up(parts).is_balanced(plan)


def test_a_shard_is_balanced_by_its_own_parts(plan: Plan) -> None:
    assert sum_up([account(0, 100), account(2, 50)]).is_balanced(plan, [0, 2])
    assert not sum_up([account(0, 100)]).is_balanced(plan, [0, 2])


def test_a_plan_is_read_as_it_was_written(plan: Plan) -> None:
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    other: dict[str, Any] = plan.model_dump() | {"format_version": 2}
    with pytest.raises(ValidationError):
        Plan.model_validate(other)
