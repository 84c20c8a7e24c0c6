"""The data set: leads as they were scored, outcomes known by the cut, nothing from the future."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from agents.retraining.hold_out import columns_of, side_of
from features.table_file import read_table
from schemas.encode import encode_lead
from schemas.errors import InputError
from schemas.lead_outcome import encode_outcome
from schemas.wire import WireFormat
from stream.retraining import data_set, row_spool
from stream.retraining.candidate import lead_values
from stream.retraining.data_set import EXTRA, FILE, TARGET, DataSet, write_data_set
from stream.retraining.known_outcomes import KnownOutcomes
from stream.retraining.lead_rows import LeadRows
from stream.retraining.plan import settings_kept
from stream.settings import Settings, load_settings
from tests.unit.small_model import SmallModel, contract
from tests.unit.stream.retraining.records import plan

DAY = 86_400_000
FIRST = 1_700_000_000_000
CUT = FIRST + 30 * DAY


class Log:
    """The topics of leads and outcomes, in memory."""

    def __init__(self, model: SmallModel, folder: Path, **given: Any) -> None:
        rules = {
            "outcome_horizon_days": 5.0,
            "outcome_late_days": 1.0,
            "retrain_min_rows": 200,
        }
        self.settings: Settings = load_settings(**{**rules, **given})
        self._model, self._folder = model, folder
        self._leads: list[Any] = []
        self._outcomes: list[Any] = []

    def lead(self, lead: Any, at: int | None = None) -> None:
        """Add a lead's record; it is written when the lead is created, unless a time is given."""
        value = encode_lead(lead, contract(), WireFormat.AVRO)
        stamp = lead["created_at"] if at is None else at
        self._leads.append(_record(len(self._leads), stamp, value))

    def outcome(
        self, lead_id: str, at: int, *, known: int | None = None, word: str = "won", **money: str
    ) -> None:
        record = {"lead_id": lead_id, "outcome": word, "occurred_at": at, **money}
        stamp = at if known is None else known
        self._outcomes.append(_record(len(self._outcomes), stamp, encode_outcome(record)))

    def raw_outcome(self, value: bytes | None) -> None:
        self._outcomes.append(_record(len(self._outcomes), CUT, value))

    def data_set(self) -> DataSet:
        own = plan(cut_ms=CUT, settings=settings_kept(self.settings))
        bundle = self._model.bundle
        outcomes = KnownOutcomes(self.settings)
        leads = LeadRows(bundle, self.settings, own.cut, self._folder)
        outcomes.add(self._outcomes)
        for start in range(0, len(self._leads), 150):
            leads.add(self._leads[start : start + 150])
        return write_data_set(self.settings, own, outcomes, leads, self._folder)


def _record(offset: int, timestamp: int, value: bytes | None) -> Any:
    return SimpleNamespace(
        partition=0, offset=offset, timestamp=timestamp, key=b"k", value=value, headers=()
    )


@pytest.fixture
def log(model: SmallModel, tmp_path: Path) -> Log:
    log = Log(model, tmp_path)
    for lead in model.leads:
        log.lead(lead)
    return log


def rows_of(data: DataSet) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(data.path).to_pylist()
    return rows


def converted(data: DataSet) -> list[int]:
    """Return the offsets of the leads that converted."""
    return [row["leadscore_offset"] for row in rows_of(data) if row["leadscore_converted"]]


def test_a_row_is_a_lead_with_its_fields_and_its_outcome_and_without_its_id(log: Log) -> None:
    log.outcome("L-3", FIRST + DAY)
    data = log.data_set()
    rows = rows_of(data)
    assert (data.rows, data.positives, converted(data)) == (400, 1, [3])
    assert "lead_id" not in rows[0]
    assert rows[3]["leadscore_partition"] == 0


def test_a_row_has_what_its_success_brought_and_training_leaves_that_out(log: Log) -> None:
    log.outcome("L-3", FIRST + DAY, value="1990.50", currency="EUR")
    log.outcome("L-4", FIRST + DAY)
    log.outcome("L-5", FIRST + DAY, word="lost", value="70", currency="EUR")
    data = log.data_set()
    rows = rows_of(data)
    found = [(row["leadscore_value"], row["leadscore_currency"]) for row in rows[3:6]]
    assert found == [(1990.5, "EUR"), (None, None), (None, None)]
    assert {name for name in rows[0] if name.startswith("leadscore_")} == {TARGET, *EXTRA}
    table = read_table(data.path)
    values = lead_values(table, np.arange(400) == 3)
    assert values is not None
    assert (values.currency, values.amounts[3], values.amounts.sum()) == ("EUR", 1990.5, 1990.5)


def test_the_model_scores_the_file_as_it_scored_the_events(log: Log, model: SmallModel) -> None:
    data = log.data_set()
    table = read_table(data.path)
    from_file = side_of(model.bundle, columns_of(model.bundle, table), table.rows)
    from_events = side_of(model.bundle, model.columns, 400)
    assert np.array_equal(from_file.scores, from_events.scores)
    assert np.array_equal(from_file.bands, from_events.bands)


def test_leak_an_outcome_that_was_written_after_the_cut_is_not_used(log: Log) -> None:
    log.outcome("L-3", FIRST + DAY, known=CUT + 1)
    data = log.data_set()
    assert converted(data) == []
    assert data.counts.outcomes_after_cut == 1


def test_leak_a_later_version_of_the_lead_is_not_used(log: Log, model: SmallModel) -> None:
    log.outcome("L-3", FIRST + DAY)
    won = {**model.leads[3], "page_views": 99_999.0}
    log.lead(won, at=FIRST + 2 * DAY)
    data = log.data_set()
    assert converted(data) == [3]
    assert 99_999.0 not in [row["page_views"] for row in rows_of(data)]


def test_leak_a_lead_without_a_known_outcome_yet_is_not_used(log: Log, model: SmallModel) -> None:
    young = {**model.leads[0], "lead_id": "young", "created_at": CUT - 6 * DAY + 1}
    log.lead(young)
    log.outcome("young", CUT - 5 * DAY)
    data = log.data_set()
    assert (data.rows, converted(data), data.counts.immature) == (400, [], 1)


def test_outcomes_that_decide_nothing_and_tombstones_are_ignored(log: Log) -> None:
    log.outcome("L-3", FIRST + DAY, word="engaged")
    log.raw_outcome(None)
    assert converted(log.data_set()) == []


def test_records_that_are_no_outcome_are_counted(log: Log) -> None:
    log.raw_outcome(b"{}")
    assert "Records that are no outcomes were left out: 1." in log.data_set().warnings


def test_too_few_leads_are_refused_with_the_numbers(model: SmallModel, tmp_path: Path) -> None:
    log = Log(model, tmp_path, retrain_min_rows=10_000)
    for lead in model.leads:
        log.lead(lead)
    with pytest.raises(InputError, match=r"at least 10,000 leads .* there are 400"):
        log.data_set()


def test_fewer_than_recommended_are_a_warning(log: Log) -> None:
    assert "400 leads are few" in log.data_set().warnings[0]


def test_the_same_records_give_the_same_file(log: Log) -> None:
    first = log.data_set()
    assert log.data_set().sha256 == first.sha256
    assert first.path.name == FILE


def test_leads_that_were_loaded_afterwards_count_from_their_creation(
    model: SmallModel, tmp_path: Path
) -> None:
    log = Log(model, tmp_path, retrain_time="created")
    for lead in model.leads:
        log.lead(lead, at=CUT + DAY)
    log.outcome("L-3", FIRST + DAY, known=CUT + DAY)
    assert converted(log.data_set()) == [3]


def test_blocks_of_rows_make_the_same_rows(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_of(log.data_set())
    monkeypatch.setattr(data_set, "BLOCK_ROWS", 70)
    monkeypatch.setattr(row_spool, "CHUNK_ROWS", 90)
    found = log.data_set()
    assert rows_of(found) == whole
    assert pyarrow.parquet.read_metadata(found.path).num_row_groups == 6


def ascending(values: Sequence[Any]) -> bool:
    return list(values) == sorted(values)


def test_rows_are_in_the_order_of_time(log: Log, model: SmallModel) -> None:
    early = {**model.leads[0], "lead_id": "early", "created_at": FIRST - DAY}
    log.lead(early)
    rows = rows_of(log.data_set())
    assert ascending([row["leadscore_time"] for row in rows])
    assert rows[0]["leadscore_offset"] == 400
