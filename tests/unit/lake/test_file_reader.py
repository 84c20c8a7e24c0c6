"""Files of a data set in any format: the same rows, the same scores."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest

from lake.file_reader import describe_contents, read_rows
from lake.files import find_files
from lake.plan import InputFile
from tests.unit.lake.data_sets import (
    expected_rows,
    read_scores,
    request_for,
    score_all,
    write_leads,
)
from tests.unit.small_model import SmallModel


def test_columns_and_row_groups(model: SmallModel, tmp_path: Path) -> None:
    write_leads(tmp_path / "n=1" / "a.parquet", model.leads[:250], group=100)
    (tmp_path / "n=1" / "b.csv").write_text("lead_id,page_views\nL-1,2\nL-2,3\n")
    parquet, text = find_files(str(tmp_path))
    assert describe_contents(parquet).groups == (100, 100, 50)
    assert describe_contents(parquet).schema.names == [*model.leads[0], "n"]
    found = describe_contents(text)
    assert (found.groups, found.schema.names) == ((2,), ["lead_id", "page_views", "n"])
    assert {*found.schema.types} == {pa.string()}


def test_rows_of_any_format(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("lead_id,page_views\nL-1,2\n")
    [found] = find_files(str(tmp_path))
    file = InputFile(url=found.url, size=found.size, version=found.version, rows=1)
    [table] = read_rows(file, (0, 1), ["lead_id"], [])
    assert table.to_pylist() == [{"lead_id": "L-1"}]


@pytest.mark.parametrize("shape", ["csv", "jsonl"])
def test_a_folder_of_text_files_has_the_scores_of_leadscore_score(
    model: SmallModel, tmp_path: Path, shape: str
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for number, leads in enumerate((model.leads[:150], model.leads[150:])):
        with (source / f"{number}.{shape}").open("w", newline="") as file:
            if shape == "csv":
                writer = csv.DictWriter(file, [*leads[0]])
                writer.writeheader()
                writer.writerows(leads)
            else:
                file.writelines(f"{json.dumps(lead)}\n" for lead in leads)
    plan = score_all(model, request_for(source), tmp_path / "out")
    assert [part.rows for part in plan.parts] == [150, 250]
    assert read_scores(tmp_path / "out") == expected_rows(model)
