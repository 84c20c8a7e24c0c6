"""Evidently snapshot: a report on how leads differ from the training data.

This module and ``monitoring.quality_section`` are the only ones that import Evidently and pandas.
The import takes seconds and hundreds of megabytes, so it happens in a separate process, never in a
worker.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.core.container import MetricContainer
from evidently.core.report import Snapshot
from evidently.legacy.calculations.stattests import StatTest, register_stattest
from evidently.legacy.core import ColumnType
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import (
    CounterData,
    counter,
    table_data,
    text_widget,
)
from evidently.metrics import ValueDrift
from evidently.presets import DataDriftPreset, DataSummaryPreset
from evidently.sdk.models import PanelMetric
from evidently.sdk.panels import line_plot_panel
from evidently.ui.workspace import Project, Workspace

from monitoring.drift.assessment import Assessment
from monitoring.drift.correlations import CorrelationChange
from monitoring.drift.field_drift import DriftThresholds
from monitoring.known_scores import KnownScores
from monitoring.lead_sample import SCORE, ShownColumns, Subject
from monitoring.quality_section import quality_snapshot
from monitoring.snapshot_tables import (
    correlation_rows,
    excess_psi,
    field_rows,
    key_figures,
    verdict_text,
)
from schemas.display import for_page

__all__ = ["Rendered", "add_to_workspace", "render"]

FIELD_METHOD, SCORE_METHOD = "leadscore_field_psi", "leadscore_score_psi"
"""Names of LeadScore's drift methods in Evidently's JSON."""
QUALITY_NOTE = "\n\nThe quality of the scores, by their outcomes, is at the end of this page."


@dataclass(frozen=True, slots=True)
class Rendered:
    """A computed snapshot.

    Attributes
    ----------
    html
        One page that needs no other file and no network.
    json
        The same content as Evidently's JSON: ``metrics`` and ``tests``.
    snapshot
        The snapshot for an Evidently workspace.
    """

    html: str
    json: str
    snapshot: Snapshot


def render(
    subject: Subject,
    now: ShownColumns,
    before: ShownColumns,
    assessment: Assessment,
    thresholds: DriftThresholds,
    correlations: Sequence[CorrelationChange] = (),
    known: KnownScores | None = None,
) -> Rendered:
    """Compute a snapshot.

    Evidently draws and summarises; what counts as drift is what the assessment says, so that a
    snapshot and an alert never contradict each other. A field's drift score is its PSI over the
    model's reference bins, less the noise; the largest, where it has several aspects. Where there
    are too few leads, the report has no drift metric at all, as Evidently's have no value
    for "not known".

    Parameters
    ----------
    subject
        Model, topic and time range.
    now, before
        The leads of the range, and the bundle's reference sample: the same columns.
    assessment
        Assessment of the leads of the range against the model's reference bins.
    thresholds
        Thresholds of the assessment.
    correlations
        Changes of the correlation of two fields, the largest first.
    known
        Scores whose outcomes are known, for a section on their quality; None: there is no section.
    """
    subject, assessment = _subject_for_page(subject), _assessment_for_page(assessment)
    now, before = _columns_for_page(now), _columns_for_page(before)
    _register(assessment)
    section = None if known is None else quality_snapshot(known)
    fields = [*assessment.by_field]
    aspects = [drift.name for drift in assessment.fields[:-1] if drift.name not in fields]
    report = Report(
        [
            _Verdict(
                text=verdict_text(subject, assessment) + (QUALITY_NOTE if section else ""),
                figures=key_figures(assessment),
                rows=field_rows(assessment),
            ),
            *_correlation_tables(correlations),
            *_drift_metrics(assessment, fields, thresholds),
            DataSummaryPreset(columns=[*fields, *aspects, SCORE]),
        ],
        metadata={
            "model": subject.model,
            "topic": subject.topic,
            "start": subject.start.isoformat(),
            "end": subject.end.isoformat(),
            "diagnosis": str(assessment.diagnosis),
        },
        model_id=subject.model,
    )
    # A workspace plots by it, and takes a time without an offset for local time.
    timestamp = subject.end.astimezone().replace(tzinfo=None)
    # Of a column that holds one value only, Evidently divides by a deviation of 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        snapshot = report.run(
            _dataset(now), _dataset(before), timestamp=timestamp, name=subject.title
        )
    if section is not None:
        snapshot._widgets += section._widgets
    html = snapshot.get_html_str(as_iframe=False)
    titled = html.replace("<head>", f"<head>\n<title>{escape(subject.title)}</title>", 1)
    return Rendered(titled.lstrip(), _json(snapshot, section), snapshot)


def _json(snapshot: Snapshot, section: Snapshot | None) -> str:
    """Return the content of the page as Evidently's JSON."""
    if section is None:
        return str(snapshot.json())
    content = json.loads(snapshot.json())
    content["metrics"] += json.loads(section.json())["metrics"]
    return json.dumps(content)


def _drift_metrics(
    assessment: Assessment, fields: Sequence[str], thresholds: DriftThresholds
) -> list[MetricContainer | ValueDrift]:
    if assessment.drifted_share is None:
        return []
    return [
        DataDriftPreset(
            columns=fields,
            drift_share=thresholds.drift_share,
            per_column_method=dict.fromkeys(fields, FIELD_METHOD),
            per_column_threshold=dict.fromkeys(fields, thresholds.psi_warn),
        ),
        ValueDrift(column=SCORE, method=SCORE_METHOD, threshold=thresholds.psi_notable),
    ]


def _correlation_tables(changes: Sequence[CorrelationChange]) -> list[_Correlations]:
    if not changes:
        return []
    return [_Correlations(rows=correlation_rows(changes))]


def add_to_workspace(folder: Path, project: str, rendered: Rendered, keep: int) -> None:
    """Add a snapshot to a workspace for ``evidently ui``, and remove all but the newest.

    Parameters
    ----------
    folder
        The workspace; made where there is none.
    project
        Name of the project in it; made with a dashboard where there is none.
    rendered
        The snapshot.
    keep
        How many to keep.
    """
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.create(str(folder))
    found = workspace.search_project(project)
    chosen = found[0] if found else _new_project(workspace, project)
    workspace.add_run(chosen.id, rendered.snapshot)
    # Evidently's ids are UUIDs of version 7: they sort by time.
    for run in sorted(workspace.list_runs(chosen.id))[:-keep]:
        workspace.delete_run(chosen.id, run)


def _subject_for_page(subject: Subject) -> Subject:
    return replace(subject, model=for_page(subject.model), topic=for_page(subject.topic))


def _assessment_for_page(assessment: Assessment) -> Assessment:
    fields = tuple(replace(field, name=for_page(field.name)) for field in assessment.fields)
    return replace(assessment, fields=fields)


def _columns_for_page(columns: ShownColumns) -> ShownColumns:
    """Escape values of leads and training data, as Evidently does not."""
    return {
        for_page(name): [None if value is None else for_page(value) for value in values]
        if isinstance(values, list)
        else values
        for name, values in columns.items()
    }


def _register(assessment: Assessment) -> None:
    """Register drift methods that return the assessment's result of a column.

    The aspects of a field count as the field.
    """
    drifts = {**assessment.by_field, assessment.score.name: [assessment.score]}

    def decide(_: pd.Series, now: pd.Series, kind: Any, threshold: float) -> tuple[float, bool]:
        found = drifts[str(now.name)]
        furthest = max(excess_psi(drift) or 0.0 for drift in found)
        return furthest, any(drift.is_drifted for drift in found)

    for name, shown in (
        (FIELD_METHOD, "PSI over the model's bins, minus noise; KL with KS or chi²"),
        (SCORE_METHOD, "PSI over the model's bins, minus noise, with KS"),
    ):
        test = StatTest(
            name=name,
            display_name=shown,
            allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
        )
        register_stattest(test, decide)


def _dataset(columns: ShownColumns) -> Dataset:
    numbers = [name for name, values in columns.items() if not isinstance(values, list)]
    definition = DataDefinition(
        numerical_columns=numbers,
        categorical_columns=[name for name in columns if name not in numbers],
    )
    return Dataset.from_pandas(pd.DataFrame(dict(columns)), data_definition=definition)


def _new_project(workspace: Workspace, name: str) -> Project:
    project = workspace.create_project(name)
    project.description = "Leads compared with the training data, by `leadscore snapshot`."
    project.save()
    for title, metric, labels, legend in (
        ("Share of drifted fields", "DriftedColumnsCount", {"value_type": "share"}, "share"),
        ("PSI minus noise, by field", "ValueDrift", {}, "{{column}}"),
    ):
        value = PanelMetric(metric=metric, metric_labels=labels, legend=legend)
        project.dashboard.add_panel(line_plot_panel(title, [value]), tab="Drift")
    return project


class _Verdict(MetricContainer):  # type: ignore[misc]
    """Header of the report: its subject and the verdict."""

    text: str
    figures: dict[str, str]
    rows: list[dict[str, str]]

    def generate_metrics(self, context: Any) -> Sequence[Any]:
        return []

    def render(self, context: Any, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        return [
            text_widget(text=self.text),
            counter(counters=[CounterData(*figure) for figure in self.figures.items()]),
            table_data(
                title="Compared with the reference bins of the training data",
                column_names=[*self.rows[0]],
                data=[[*row.values()] for row in self.rows],
            ),
        ]


class _Correlations(MetricContainer):  # type: ignore[misc]
    """Table of the pairs of fields whose correlation has changed most."""

    rows: list[dict[str, str]]

    def generate_metrics(self, context: Any) -> Sequence[Any]:
        return []

    def render(self, context: Any, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        return [
            table_data(
                title="Correlation of two fields (ranks): the largest changes",
                column_names=[*self.rows[0]],
                data=[[*row.values()] for row in self.rows],
            )
        ]
