"""The adapter for Spark before any task runs; tests/integration/test_spark.py has a real Spark."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from model.metadata import BundleError
from schemas.errors import InputError
from stream.backfill.spark import score
from tests.unit.lake.data_sets import NOW, expected_rows, leads_table
from tests.unit.small_model import SmallModel

ADDED = ["score", "category", "label", "confidence", "feature_coverage", "reasons", "error_code"]


@dataclass
class FakeType:
    """A type of ``pyspark.sql.types`` without fields."""

    of: Any = None


@dataclass
class FakeField:
    name: str
    dataType: Any = field(default_factory=FakeType)  # noqa: N815 - Spark's name


@dataclass
class FakeStruct:
    fields: list[FakeField]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.fields]


class FakeFrame:
    """A data frame that runs the function of ``mapInArrow`` at once."""

    def __init__(self, *columns: str | FakeField, batches: Iterable[Any] = ()) -> None:
        self.schema = FakeStruct([FakeField(c) if isinstance(c, str) else c for c in columns])
        self._batches = batches
        self.rows: list[dict[str, Any]] = []

    def toDF(self, *names: str) -> FakeFrame:  # noqa: N802
        fields = [
            FakeField(name, f.dataType) for name, f in zip(names, self.schema.fields, strict=True)
        ]
        return FakeFrame(*fields, batches=[b.rename_columns([*names]) for b in self._batches])

    def mapInArrow(self, function: Callable[..., Any], schema: Any) -> FakeFrame:  # noqa: N802
        assert not any("." in name for name in self.schema.names), "Spark does not find it"
        made = FakeFrame(*schema.fields)
        made.rows = [row for batch in function(iter(self._batches)) for row in batch.to_pylist()]
        return made


@pytest.fixture
def pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Spark with types alone."""
    types: Any = ModuleType("pyspark.sql.types")
    types.StructType, types.StructField = FakeStruct, FakeField
    types.ArrayType = types.DoubleType = types.StringType = FakeType
    sql: Any = ModuleType("pyspark.sql")
    sql.types = types
    for name, module in {"pyspark": ModuleType("pyspark"), "pyspark.sql": sql}.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "pyspark.sql.types", types)


@pytest.mark.usefixtures("pyspark")
def test_rows_of_a_data_frame_have_the_scores_of_leadscore_score(model: SmallModel) -> None:
    table = leads_table(model.leads)
    frame: Any = FakeFrame(*table.column_names, batches=table.to_batches(max_chunksize=150))
    scored: Any = score(frame, model.bundle.location, now=NOW)
    assert scored.schema.names == [*table.column_names, *ADDED, "error"]
    names = expected_rows(model)[0].keys()
    assert [{name: row[name] for name in names} for row in scored.rows] == expected_rows(model)


@pytest.mark.usefixtures("pyspark")
def test_a_point_in_the_name_of_a_column_is_kept(model: SmallModel) -> None:
    table = leads_table(model.leads[:3])
    names = [name.replace("_", ".") for name in table.column_names]
    frame: Any = FakeFrame(*names, batches=table.rename_columns(names).to_batches())
    scored: Any = score(frame, model.bundle, now=NOW)
    assert scored.schema.names[: len(names)] == names
    assert [row["score"] for row in scored.rows] == [
        row["score"] for row in expected_rows(model)[:3]
    ]


@pytest.mark.usefixtures("pyspark")
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("page_views", "score", "error"), "expected to have no columns error, score"),
        (("colour",), "expected to have fields of the model leads/1, but it has colour"),
    ],
)
def test_a_data_frame_that_cannot_be_scored_is_refused_at_once(
    model: SmallModel, names: tuple[str, ...], message: str
) -> None:
    frame: Any = FakeFrame(*names)
    with pytest.raises(InputError, match=message):
        score(frame, model.bundle)


@pytest.mark.usefixtures("pyspark")
def test_a_struct_beside_the_model_s_fields_is_kept(model: SmallModel) -> None:
    struct = FakeField("web", FakeStruct([FakeField("visits")]))
    frame: Any = FakeFrame(struct, "industry")
    assert score(frame, model.bundle).schema.fields[0] is struct


@pytest.mark.usefixtures("pyspark")
def test_a_lead_of_the_future_is_rejected_by_the_moment_that_is_given(model: SmallModel) -> None:
    table = leads_table(model.leads[:3])
    frame: Any = FakeFrame(*table.column_names, batches=table.to_batches())
    scored: Any = score(frame, model.bundle, now=datetime(2020, 1, 1, tzinfo=UTC))
    assert {row["error_code"] for row in scored.rows} == {"TIME"}


@pytest.mark.usefixtures("pyspark")
def test_a_moment_without_a_time_zone_is_refused(model: SmallModel) -> None:
    frame: Any = FakeFrame("page_views")
    with pytest.raises(ValueError, match="no time zone"):
        score(frame, model.bundle, now=datetime(2026, 5, 31))


@pytest.mark.usefixtures("pyspark")
def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    frame: Any = FakeFrame("page_views")
    with pytest.raises(BundleError, match="manifest"):
        score(frame, str(tmp_path))


def test_a_missing_package_is_named_with_what_to_install(
    model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    frame: Any = FakeFrame("page_views")
    with pytest.raises(InputError, match=r"pyspark.* is not installed.*leadscore\[spark\]"):
        score(frame, model.bundle)
