"""A snapshot's page: what it says is what the assessment says, and a browser shows it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.counts import CountLayout
from features.matrix import FeatureEncoder
from features.reference_sample import LeadSample, shown_numbers
from monitoring.drift.assessment import Assessor
from monitoring.drift.correlations import CorrelationChange
from monitoring.drift.field_drift import DriftThresholds
from monitoring.known_scores import KnownScores
from monitoring.lead_sample import Subject, shown_columns
from monitoring.quality.counts import QualityCounts
from tests.unit.monitoring.quality.drawn_leads import drawn
from tests.unit.small_model import LEADS, SPEC, SmallModel

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's and its libraries' own
BROWSERS = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
CHROMIUM = next(filter(None, BROWSERS), None)
FEW, MANY = DriftThresholds(min_leads=50, exact_below=0), DriftThresholds(min_leads=1000)
SUBJECT = Subject(
    model="leads/3",
    topic="<leads>",
    start=datetime(2026, 5, 1, 9, tzinfo=UTC),
    end=datetime(2026, 5, 1, 10, tzinfo=UTC),
    found=36_000,
)
TITLE = "Drift of ‹leads›, 2026-05-01 09:00 to 2026-05-01 10:00 UTC, model leads/3"


CHANGES = [
    CorrelationChange("page_views", "company_size", 0.62, -0.1, 1234, 1e-9),
    *(CorrelationChange("summary", f"field-{i}", 0.1, 0.1, 900, 1.0) for i in range(12)),
]


def sample(model: Any, **changed: Any) -> Any:
    """The model's leads, some columns changed, all with scores around a half."""
    metadata = model.bundle.metadata
    columns = dict(model.columns) | changed
    encoder = FeatureEncoder(SPEC, metadata.reference)
    features = encoder.encode(columns, LEADS)
    bins = encoder.counted_bins(features)
    scores = np.linspace(0.2, 0.8, LEADS, dtype=np.float32)
    return LeadSample(shown_numbers(SPEC, columns, features), bins, scores)


def assess(model: Any, now: Any, thresholds: Any = FEW) -> Any:
    layout = CountLayout(model.bundle.metadata.reference)
    assessor = Assessor(layout, importance={}, engagement=(0.1, 0.9), thresholds=thresholds)
    counts = layout.count(now.bins, now.scores, label=0.5)
    return assessor.assess(counts, name="range", start=0, end=1)


def shown(model: Any, now: Any, before: Any) -> Any:
    return shown_columns(SPEC, model.bundle.metadata.reference, now, before)


@pytest.fixture(scope="module")
def drifted(model: SmallModel) -> Any:
    """Leads with twice the page views, no industry, and no company size but one."""
    sizes = np.full(LEADS, np.nan)
    sizes[0] = 12.5
    now = sample(
        model,
        page_views=model.columns["page_views"] * 2 + 40,
        industry=[None] * LEADS,
        company_size=sizes,
    )
    return now, assess(model, now)


@pytest.fixture(scope="module")
def rendered(model: SmallModel, drifted: Any) -> Any:
    from monitoring.snapshot import render

    now, assessment = drifted
    latest, before = (QualityCounts.count(drawn(2000, seed=seed)) for seed in (1, 2))
    known = KnownScores(latest, "2026-W14 to 2026-W17", before, "2026-W02 to 2026-W13", high=0.3)
    columns = shown(model, now, sample(model))
    return render(SUBJECT, *columns, assessment, FEW, CHANGES, known)  # type: ignore[call-arg]


def test_the_report_marks_the_drift_of_the_assessment(rendered: Any, drifted: Any) -> None:
    _, assessment = drifted
    metrics = json.loads(rendered.json)["metrics"]
    values = {
        m["config"]["column"]: m["value"]
        for m in metrics
        if m["config"]["type"].endswith(":ValueDrift")
    }
    drifts = {**assessment.by_field, "score": [assessment.score]}
    assert values == {
        name: pytest.approx(max(0, *(d.psi - d.psi_noise for d in found if d.psi is not None)))
        for name, found in drifts.items()
    }
    [counted] = [m["value"] for m in metrics if "DriftedColumnsCount" in m["config"]["type"]]
    found = sum(any(d.is_drifted for d in found) for found in assessment.by_field.values())
    assert found >= 3
    assert counted == {"count": found, "share": pytest.approx(assessment.drifted_share)}


def test_the_quality_of_the_scores_is_a_section_at_the_end(rendered: Any, too_few: Any) -> None:
    texts = [
        params["text"]
        for kind, params in of_widgets(variable("metric", rendered.html)["widgets"])
        if kind == "text"
    ]
    assert "is at the end of this page" in texts[0]
    assert texts[-1].startswith("# Quality of the scores, by their outcomes")
    assert "2026-W14 to 2026-W17" in texts[-1]
    kinds = {m["config"]["type"].rpartition(":")[2] for m in json.loads(rendered.json)["metrics"]}
    assert {"RocAuc", "Precision", "ValueDrift"} <= kinds
    assert "Quality of the scores" not in too_few.html


@pytest.fixture(scope="module")
def too_few(model: SmallModel) -> Any:
    """Leads that have drifted, but are fewer than it takes to tell."""
    from monitoring.snapshot import render

    now = sample(model, page_views=model.columns["page_views"] * 2 + 40)
    assessment = assess(model, now, MANY)
    return render(SUBJECT, *shown(model, now, sample(model)), assessment, MANY)  # type: ignore[call-arg]


def test_no_metric_says_that_too_few_leads_have_not_drifted(too_few: Any) -> None:
    """They had a drift score of 0.0, which a program takes for health."""
    kinds = [metric["config"]["type"] for metric in json.loads(too_few.json)["metrics"]]
    assert kinds
    assert not [kind for kind in kinds if "Drift" in kind]


def test_the_page_says_that_there_are_too_few_leads(too_few: Any) -> None:
    assert "too few" in too_few.html


def test_too_few_leads_put_no_point_on_a_workspaces_panels(
    too_few: Any, rendered: Any, tmp_path: Path
) -> None:
    from evidently.ui.workspace import Workspace

    from monitoring.snapshot import add_to_workspace

    for snapshot in (too_few, rendered):
        add_to_workspace(tmp_path / "workspace", "leads", snapshot, 5)
    workspace = Workspace(str(tmp_path / "workspace"))
    [project] = workspace.list_projects()
    with_drift = [
        any("Drift" in str(metric) for metric in run.metric_results.values())
        for run in (workspace.get_run(project.id, at) for at in workspace.list_runs(project.id))
    ]
    assert sorted(with_drift) == [False, True]


def test_the_largest_changes_of_correlations_are_a_table(rendered: Any, too_few: Any) -> None:
    widgets = list(of_widgets(variable("metric", rendered.html)["widgets"]))
    shown = [params for kind, params in widgets if kind == "table"]
    [table] = [params for params in shown if "other field" in params["header"]]
    rows = table["data"]
    assert len(rows) == 10, "of more pairs the largest only"
    assert rows[0][:7] == ["page_views", "company_size", "yes", "+0.62", "-0.10", "-0.72", "1,234"]
    assert rows[1][2] == "no"
    assert "Correlation of two fields" not in too_few.html


def test_the_page_needs_nothing_but_itself(rendered: Any) -> None:
    class Sources(HTMLParser):
        found: list[str] = []  # noqa: RUF012 - one page, one parser

        def handle_starttag(self, tag: Any, attributes: Any) -> None:
            given = dict(attributes)
            self.found += [given[n] for n in ("src", "href") if n in given and tag != "a"]

    Sources().feed(rendered.html)
    assert Sources.found == []
    assert rendered.html.startswith("<!DOCTYPE html>")


def test_title_drift_table_and_plots_are_in_the_page(rendered: Any) -> None:
    assert f"<title>{TITLE}</title>" in rendered.html
    widgets = list(of_widgets(variable("metric", rendered.html)["widgets"]))
    text = next(params["text"] for kind, params in widgets if kind == "text")
    assert text.startswith("# Drift of ")
    assert "400 of 36,000 leads" in text
    tables = [params for kind, params in widgets if kind == "big_table"]
    columns = [column["title"] for table in tables for column in table["columns"]]
    assert {"Column", "Data Drift", "Stat Test", "Drift Score"} <= set(columns)
    graphs = variable("additional_graphs", rendered.html).values()
    drawn = [params for kind, params in widgets if kind == "big_graph"]
    drawn += [graph for graph in graphs if "data" in graph]
    assert any(figure["data"] for figure in drawn)


def variable(name: Any, page: Any) -> Any:
    """The value of a variable of the page's script."""
    return json.loads(re.search(rf"var {name}_\w+ = (\{{.*\}});", page)[1])


def of_widgets(widgets: Any) -> Iterator[Any]:
    for widget in widgets:
        yield widget["type"], widget["params"]
        yield from of_widgets(widget.get("widgets") or [])
        yield from of_widgets(tab["widget"] for tab in widget.get("tabs") or [])


@pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium to show the page with: what it is made of is tested above"
)
def test_a_browser_shows_title_table_and_plot(rendered: Any, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(rendered.html)
    shown = subprocess.run(
        [
            *(
                str(CHROMIUM),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ),
            *(f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000"),
            *("--window-size=1400,4000", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    body = shown[shown.index("<body") : shown.index("<script>var global")]
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", body)[1]
    assert heading.startswith("Drift of")
    assert "leads/3" in heading
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", body, re.DOTALL)
    words = {re.sub(r"<[^>]*>", "", cell).strip() for cell in cells}
    assert {"other field", "-0.72", "1,234"} <= words
    assert {"page_views", "industry", "critical", "Drift Score", "Detected"} <= words
    assert "main-svg" in body, "Plotly has drawn nothing"


def test_a_workspace_has_one_project_with_a_dashboard_and_keeps_the_newest(
    rendered: Any, tmp_path: Path
) -> None:
    from evidently.ui.workspace import Workspace

    from monitoring.snapshot import add_to_workspace

    for _ in range(3):
        add_to_workspace(tmp_path / "workspace", "leads", rendered, 2)
    workspace = Workspace(str(tmp_path / "workspace"))
    [project] = workspace.list_projects()
    assert project.name == "leads"
    runs = [workspace.get_run(project.id, run) for run in workspace.list_runs(project.id)]
    assert [run.name for run in runs] == [TITLE] * 2
    assert len(project.dashboard.model().panels) == 2


class _Tags(HTMLParser):
    """Counts a page's scripts and images."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        if tag in ("script", "img"):
            self.found.append(tag)


def tags(html: Any) -> Any:
    parser = _Tags()
    parser.feed(html)
    return parser.found


def test_no_name_and_no_value_adds_markup_to_the_page(model: SmallModel) -> None:
    from monitoring.snapshot import render

    odd = "</script><script>alert(1)</script><img src=x>"
    now, before = (
        {odd if name == "page_views" else name: values for name, values in columns.items()}
        | {"industry": [odd if label == "software" else label for label in columns["industry"]]}
        for columns in shown(model, sample(model), sample(model))
    )
    assessment = assess(model, sample(model))
    fields = tuple(
        replace(field, name=odd if field.name == "page_views" else field.name)
        for field in assessment.fields
    )
    subject = replace(SUBJECT, topic=odd)
    pair = replace(CHANGES[0], field=odd)
    page = render(subject, now, before, replace(assessment, fields=fields), FEW, [pair]).html
    columns = shown(model, sample(model), sample(model))
    plain = render(SUBJECT, *columns, assessment, FEW, CHANGES[:1]).html  # type: ignore[call-arg]
    assert odd not in page
    assert tags(page) == tags(plain)
