"""Parts of a backfill: the same rows by any split, after any interruption, once each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.batch_scorer import BatchScorer
from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.part_scoring import PartScorer
from lake.plan import Plan
from tests.unit.lake.data_sets import (
    RULES,
    expected_rows,
    part_scorer,
    plan_for,
    read_scores,
    request_for,
    score_all,
    write_leads,
)
from tests.unit.small_model import SmallModel


@pytest.fixture
def source(model: SmallModel, tmp_path: Path) -> Path:
    """The model's leads in two files, partitioned by nothing that the model reads."""
    write_leads(tmp_path / "in" / "n=1" / "a.parquet", model.leads[:250], group=70)
    write_leads(tmp_path / "in" / "n=2" / "b.parquet", model.leads[250:], group=30)
    return tmp_path / "in"


def test_the_scores_are_those_of_leadscore_score_to_the_bit(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    plan = score_all(model, request_for(source), tmp_path / "out")
    assert len(plan.parts) > 3
    assert read_scores(tmp_path / "out") == expected_rows(model)


@pytest.mark.parametrize("shape", ["jsonl", "csv"])
def test_other_formats(model: SmallModel, source: Path, tmp_path: Path, shape: str) -> None:
    score_all(model, request_for(source, format=shape, rows_per_file=1000), tmp_path / "out")
    [file] = (tmp_path / "out").glob("part-*")
    lines = file.read_text().splitlines()
    if shape == "jsonl":
        assert [json.loads(line) for line in lines] == expected_rows(model)
    else:
        assert len(lines) == 401


def test_columns_are_copied_also_those_of_the_path(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    request = request_for(source, keep=("company_size", "n"))
    score_all(model, request, tmp_path / "out")
    rows = read_scores(tmp_path / "out")
    assert [row["company_size"] for row in rows] == [lead["company_size"] for lead in model.leads]
    assert [row["n"] for row in rows] == ["1"] * 250 + ["2"] * 150


def test_rejected_rows_are_listed_with_their_code_and_without_values(
    model: SmallModel, tmp_path: Path
) -> None:
    leads = [dict(lead) for lead in model.leads[:100]]
    leads[41]["created_at"] = 12
    file = write_leads(tmp_path / "in" / "a.parquet", leads, group=40)
    plan = score_all(model, request_for(file, rows_per_file=40), tmp_path / "out")
    account = Manifest(OutputFolder(str(tmp_path / "out"))).account(range(3))
    assert account.is_balanced(plan)
    assert (account.scored, account.rejected) == (99, {"TIME": 1})
    [rejects] = (tmp_path / "out" / "_rejected").iterdir()
    assert rejects.name == "part-00001.jsonl"
    [line] = map(json.loads, rejects.read_text().splitlines())
    assert (line["file"], line["row"], line["code"]) == (f"file://{file}", 42, "TIME")
    assert line["error"].startswith("field created_at: expected a time")
    assert [row["lead_id"] for row in read_scores(tmp_path / "out")] == [
        lead["lead_id"] for lead in leads if lead is not leads[41]
    ]


def test_rows_without_an_id_are_numbered_in_their_file(model: SmallModel, tmp_path: Path) -> None:
    leads = [
        dict(lead) | {"lead_id": lead["lead_id"] if i % 2 else " "}
        for i, lead in enumerate(model.leads[:90])
    ]
    file = write_leads(tmp_path / "in" / "a.parquet", leads, group=40)
    score_all(model, request_for(file, rows_per_file=40), tmp_path / "out")
    assert [row["lead_id"] for row in read_scores(tmp_path / "out")] == [
        f"L-{i}" if i % 2 else f"row-{i + 1}" for i in range(90)
    ]


def test_rows_without_an_id_have_different_names_in_several_files(
    model: SmallModel, tmp_path: Path
) -> None:
    """Two leads of a data set were called row-1."""
    leads = [dict(lead) | {"lead_id": ""} for lead in model.leads[:2]]
    for name in "ab":
        write_leads(tmp_path / "in" / f"{name}.parquet", leads)
    score_all(model, request_for(tmp_path / "in"), tmp_path / "out")
    found = [row["lead_id"] for row in read_scores(tmp_path / "out")]
    assert found == ["file-1-row-1", "file-1-row-2", "file-2-row-1", "file-2-row-2"]


def test_ids_of_any_type_are_text(model: SmallModel, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    table = pa.table({"id": [7, None, 9], "page_views": [1.0, 2.0, 3.0]})
    pa.parquet.write_table(table, tmp_path / "in" / "a.parquet")
    score_all(model, request_for(tmp_path / "in", id_column="id"), tmp_path / "out")
    assert [row["lead_id"] for row in read_scores(tmp_path / "out")] == ["7", "row-2", "9"]


class StoppedError(Exception):
    pass


def stop_at(count: int) -> Callable[[int], None]:
    """Return a function that is interrupted at its n-th call."""
    calls = iter(range(count))

    def on_rows(_: int) -> None:
        if next(calls, None) is None:
            raise StoppedError

    return on_rows


def score_parts(scorer: PartScorer, plan: Plan) -> None:
    for part in plan.parts:
        scorer.score(part.number)


def names_of(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "_temporary" not in path.parts
    }


@pytest.mark.parametrize("count", range(6))
def test_a_backfill_that_was_stopped_anywhere_is_resumed(
    model: SmallModel, source: Path, tmp_path: Path, count: int
) -> None:
    out = OutputFolder(str(tmp_path / "out"))
    manifest = Manifest(out)
    plan = manifest.write_plan(plan_for(model, request_for(source)))
    stopped = PartScorer(plan, BatchScorer(model.bundle, RULES, "x"), out, stop_at(count))
    with pytest.raises(StoppedError):
        score_parts(stopped, plan)
    assert len(manifest.done()) < len(plan.parts)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    score_parts(part_scorer(model, plan, out), plan)
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    assert read_scores(tmp_path / "out") == expected_rows(model)
    assert manifest.account(range(len(plan.parts))).is_balanced(plan)


@pytest.mark.parametrize("lost", ["_manifest/parts/00001.json", "part-00001.parquet"])
def test_a_part_is_complete_when_its_account_is_there(
    model: SmallModel, source: Path, tmp_path: Path, lost: str
) -> None:
    """Killed between the file of scores and its account: the same file is made and kept."""
    plan = score_all(model, request_for(source), tmp_path / "out")
    complete = names_of(tmp_path / "out")
    (tmp_path / "out" / "_manifest" / "parts" / "00001.json").unlink()
    (tmp_path / "out" / lost).unlink(missing_ok=True)
    part_scorer(model, plan, OutputFolder(str(tmp_path / "out"))).score(1)
    assert names_of(tmp_path / "out") == complete
    assert read_scores(tmp_path / "out") == expected_rows(model)


def test_a_part_that_is_complete_is_not_read_again(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    plan = score_all(model, request_for(source), tmp_path / "out")
    out = OutputFolder(str(tmp_path / "out"))
    scorer = PartScorer(plan, BatchScorer(model.bundle, RULES, "x"), out, stop_at(0))
    assert scorer.score(2) == Manifest(out).part(2)


def in_memory(model: SmallModel, location: str, sizes: list[tuple[int, int]]) -> str:
    """Write the model's leads to files of some sizes and sizes of row groups."""
    files = fsspec.filesystem("memory")
    start = 0
    for number, (rows, group) in enumerate(sizes):
        leads = model.leads[start : start + rows]
        start += rows
        table = pa.Table.from_pylist([dict(lead) for lead in leads])
        with files.open(f"/{location}/f{number:02}.parquet", "wb") as file:
            pa.parquet.write_table(table, file, row_group_size=group)
    return f"memory://{location}"


def rows_in(plan: Plan, location: str) -> list[dict[str, Any]]:
    files = fsspec.filesystem("memory")
    return [
        row
        for part in plan.parts
        for row in pa.parquet.read_table(
            files.open(f"/{location}/part-{part.number:05}.parquet", "rb")
        ).to_pylist()
    ]


@pytest.fixture
def the_model(model: SmallModel) -> Callable[[], SmallModel]:
    """Provide the model to property tests, which print what they are given."""
    return lambda: model


@given(
    st.lists(st.tuples(st.integers(1, 80), st.integers(1, 40)), min_size=1, max_size=4),
    st.integers(1, 120),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_split_gives_the_same_rows(
    the_model: Callable[[], SmallModel],
    sizes: list[tuple[int, int]],
    rows_per_file: int,
    shards: int,
    random: Any,
) -> None:
    """Files, row groups, parts and shards of any size, in any order of the shards."""
    model = the_model()
    fsspec.filesystem("memory").store.clear()
    source = in_memory(model, "split-in", sizes)
    total = sum(rows for rows, _ in sizes)
    out = OutputFolder("memory://split-out")
    plan = Manifest(out).write_plan(
        plan_for(model, request_for(source, rows_per_file=rows_per_file))
    )
    order = list(range(shards))
    random.shuffle(order)
    for shard in order:
        scorer = part_scorer(model, plan, out)
        for part in plan.parts[shard::shards]:
            scorer.score(part.number)
    assert rows_in(plan, "split-out") == expected_rows(model)[:total]
    account = Manifest(out).finish(plan)
    assert account is not None
    assert account.is_balanced(plan)
