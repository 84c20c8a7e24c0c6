"""Leads of a file with the place of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InputError
from schemas.wire import WireFormat
from stream.cli.file_leads import ID, complain, read_content, read_leads
from tests.unit.small_model import LEADS, SmallModel

CSV = b"lead_id,created_at,page_views\na,2024-05-31,7\nb,1970-01-20,1\nc,2024-06-01,3\n"


def test_rows_and_times_of_the_leads_of_a_table(model: SmallModel) -> None:
    leads = read_leads(CSV, "leads.csv", model.bundle, ID, None)
    assert (leads.ids, leads.rows.tolist(), leads.total) == (["a", "c"], [0, 2], 3)
    assert np.diff(leads.created_at).tolist() == [86_400_000]
    assert leads.wrong[0].startswith("row 2: TIME")


def test_rows_of_events_are_those_that_can_be_read(model: SmallModel) -> None:
    content = b"\n".join([b'{"lead_id": 1}', *model.values(WireFormat.JSON)])
    leads = read_leads(content, "events.jsonl", model.bundle, ID, None)
    assert (leads.rows[0], len(leads.ids), leads.total) == (1, LEADS, LEADS + 1)
    assert leads.created_at[0] == model.leads[0]["created_at"]


def test_errors_are_one_line_each_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    complain(["row 1: \x1b[2J", "row 2"])
    assert capsys.readouterr().err == "row 1: \\x1b[2J\nrow 2\n"


def test_the_name_of_the_source_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(CSV)
    assert read_content(path) == (CSV, str(path))
    with pytest.raises(InputError, match="no file"):
        read_content(tmp_path / "none.csv")
