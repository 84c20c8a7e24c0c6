"""Data sets of the small model's leads, and their backfills, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from agents.offline import OfflineScorer
from lake.batch_scorer import BatchScorer, TimeRules
from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.part_scoring import PartScorer
from lake.plan import Plan, Request
from lake.planning import describe_inputs, make_plan
from model.serving.predictor import open_predictor
from schemas.time_reading import FIRST_MS
from tests.unit.small_model import LEADS, SmallModel

NOW = datetime(2026, 5, 31, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
RULES = TimeRules(FIRST_MS, 86_400_000.0, NOW_MS)


def expected_rows(model: SmallModel) -> list[dict[str, Any]]:
    """The model's leads as `leadscore score` prints them."""
    scorer = OfflineScorer(model.bundle, open_predictor(model.bundle))
    scores = scorer.score(model.columns, LEADS)
    return [{"lead_id": f"L-{i}", **row} for i, row in enumerate(scores)]


def leads_table(leads: Sequence[Mapping[str, Any]]) -> Any:
    """Leads with their times typed."""
    table = pa.Table.from_pylist([dict(lead) for lead in leads])
    at = table.schema.get_field_index("created_at")
    times = table.column("created_at").cast(pa.timestamp("ms", "UTC"))
    return table.set_column(at, "created_at", times)


def write_leads(file: Path, leads: Sequence[Mapping[str, Any]], group: int = 100) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(leads_table(leads), file, row_group_size=group)
    return file


def request_for(*sources: str | Path, **options: Any) -> Request:
    given = {"model": "leads", "id_column": "lead_id", "rows_per_file": 100, **options}
    return Request(sources=tuple(map(str, sources)), **given)


def plan_for(model: SmallModel, request: Request) -> Plan:
    inputs = describe_inputs(request.sources, request.delta_version)
    return make_plan(
        request,
        inputs,
        model.bundle,
        created_at=NOW,
        earliest_ms=RULES.earliest_ms,
        ahead_ms=RULES.ahead_ms,
    )


def part_scorer(model: SmallModel, plan: Plan, out: OutputFolder) -> PartScorer:
    return PartScorer(plan, BatchScorer(model.bundle, RULES, "the leads"), out)


def score_all(model: SmallModel, request: Request, location: str | Path) -> Plan:
    """Score a whole data set in this process."""
    out = OutputFolder(str(location))
    plan = Manifest(out).write_plan(plan_for(model, request))
    scorer = part_scorer(model, plan, out)
    for part in plan.parts:
        scorer.score(part.number)
    Manifest(out).finish(plan)
    return plan


def read_scores(folder: Path) -> list[dict[str, Any]]:
    """All rows of the Parquet files of an output folder, in the order of its parts."""
    files = sorted(folder.glob("part-*.parquet"))
    return [row for file in files for row in pa.parquet.read_table(file).to_pylist()]
