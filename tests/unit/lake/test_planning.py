"""Plans: which files are read, what is fixed, and what is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from lake.planning import describe_inputs, make_plan
from schemas.errors import InputError
from tests.unit.lake.data_sets import NOW, plan_for, request_for, write_leads
from tests.unit.small_model import SmallModel


def test_a_plan_fixes_files_parts_model_and_rules(model: SmallModel, tmp_path: Path) -> None:
    write_leads(tmp_path / "in" / "a.parquet", model.leads[:250])
    write_leads(tmp_path / "in" / "day=2" / "b.parquet", model.leads[250:], group=40)
    plan = plan_for(model, request_for(tmp_path / "in"))
    assert [(file.rows, file.partitions) for file in plan.files] == [(250, {}), (150, {"day": "2"})]
    assert [part.rows for part in plan.parts] == [100, 100, 90, 80, 30]
    assert plan.rows == 400
    assert (plan.model.name, plan.model.sha256) == ("leads", model.bundle.sha256)
    assert plan.created_at == NOW


def test_several_sources_are_one_data_set(model: SmallModel, tmp_path: Path) -> None:
    a = write_leads(tmp_path / "a.parquet", model.leads[:10])
    b = write_leads(tmp_path / "b" / "b.parquet", model.leads[10:20])
    assert plan_for(model, request_for(a, b.parent)).rows == 20
    with pytest.raises(InputError, match="1 are in several sources"):
        plan_for(model, request_for(a, b, b.parent))


def test_rows_without_ids_need_a_column_where_there_are_several_files(
    model: SmallModel, tmp_path: Path
) -> None:
    leads = [{"page_views": lead["page_views"], "crm": lead["lead_id"]} for lead in model.leads]
    for name in ("a", "b"):
        pa.parquet.write_table(pa.Table.from_pylist(leads), tmp_path / f"{name}.parquet")
    with pytest.raises(InputError, match="name the column with --id"):
        plan_for(model, request_for(tmp_path))
    assert plan_for(model, request_for(tmp_path, id_column="crm")).rows == 800
    assert plan_for(model, request_for(tmp_path / "a.parquet")).rows == 400


@pytest.mark.parametrize(
    ("leads", "options", "message"),
    [
        ([], {}, "expected rows, but there are none"),
        ([{"lead_id": "1", "colour": "red"}], {}, "none of the model's fields"),
        ([{"lead_id": "1", "page_views": 1.0}], {"keep": ("x",)}, r"no column 'x' \(--keep\)"),
        ([{"lead_id": "1", "page_views": 1.0}], {"delta_version": 3}, "expected a Delta table"),
    ],
)
def test_unusable_requests(
    model: SmallModel,
    tmp_path: Path,
    leads: list[dict[str, Any]],
    options: dict[str, Any],
    message: str,
) -> None:
    schema = None if leads else pa.schema([("lead_id", pa.string()), ("page_views", pa.float64())])
    pa.parquet.write_table(pa.Table.from_pylist(leads, schema), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=message):
        plan_for(model, request_for(tmp_path, **options))


def test_a_model_at_a_url_with_a_password_is_refused(model: SmallModel, tmp_path: Path) -> None:
    """The plan stores where the model is, and whoever reads the scores can read the plan."""
    source = write_leads(tmp_path / "a.parquet", model.leads)
    bundle = replace(model.bundle, location="s3://key:hidden@models/leads/1")
    with pytest.raises(InputError, match="without a password or token") as refused:
        plan_for(replace(model, bundle=bundle), request_for(source))
    assert "hidden" not in str(refused.value)


def test_each_schema_is_reported_once(model: SmallModel, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_leads(tmp_path / f"{name}.parquet", model.leads[:10])
    few = pa.table({"lead_id": ["1"], "page_views": [1.0]})
    pa.parquet.write_table(few, tmp_path / "c.parquet")
    found: list[frozenset[str]] = []
    request = request_for(tmp_path)
    make_plan(
        request,
        describe_inputs(request.sources, None),
        model.bundle,
        created_at=NOW,
        earliest_ms=0.0,
        ahead_ms=0.0,
        on_fields=lambda fields, _: found.append(fields),
    )
    assert found == [frozenset(model.columns), frozenset({"page_views"})]
