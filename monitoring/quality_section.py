"""Quality of the scores in a snapshot: Evidently's classification preset on leads with an outcome.

Drawn from the counts of leads.quality, so it shows the leads that `leadscore quality` shows. It
imports Evidently, like ``monitoring.snapshot``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.core.container import MetricContainer
from evidently.core.report import Snapshot
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.renderers.html_widgets import table_data, text_widget
from evidently.presets import ClassificationPreset

from monitoring.known_scores import MOST_LEADS, KnownScores, known_leads
from monitoring.quality.assessment import QualityFigures, assess
from monitoring.quality.counts import QualityCounts
from monitoring.quality.figure import Figure
from monitoring.quality.ranking import Tenth

__all__ = ["quality_snapshot"]

OUTCOME, SCORE = "outcome", "score"
CONVERTED, NOT_CONVERTED = "converted", "not converted"
UNKNOWN = "-"


def quality_snapshot(scores: KnownScores) -> Snapshot | None:
    """Compute the section.

    Returns
    -------
    Snapshot or None
        Its widgets and metrics; None where outcomes of both kinds are not known in the latest
        weeks.
    """
    if not _has_both_kinds(scores.latest):
        return None
    preset = ClassificationPreset(probas_threshold=scores.high)
    report = Report([_Figures(**_shown(scores)), preset])
    before = _dataset(scores.before) if _has_both_kinds(scores.before) else None
    return report.run(_dataset(scores.latest), before)


def _has_both_kinds(counts: QualityCounts) -> bool:
    return 0 < counts.positives < counts.known


def _dataset(counts: QualityCounts) -> Dataset:
    definition = DataDefinition(
        numerical_columns=[SCORE],
        classification=[
            BinaryClassification(target=OUTCOME, prediction_probas=SCORE, pos_label=CONVERTED)
        ],
    )
    scores, converted = known_leads(counts)
    outcomes = np.where(converted, CONVERTED, NOT_CONVERTED)
    frame = pd.DataFrame({SCORE: scores, OUTCOME: outcomes})
    return Dataset.from_pandas(frame, data_definition=definition)


def _shown(scores: KnownScores) -> dict[str, Any]:
    latest, before = assess(scores.latest), assess(scores.before)
    return {
        "text": _text(scores),
        "figures": [
            {
                "": name,
                f"current: {scores.latest_weeks}": now,
                f"reference: {_before(scores)}": then,
            }
            for name, now, then in zip(FIGURES, _column(latest), _column(before), strict=True)
        ],
        "tenths": [
            {
                "leads by score": f"tenth {place}" + (" (best)" if place == 1 else ""),
                "mean score": f"{tenth.mean_score:.1%}",
                "conversion": _share(tenth.rate),
                "scores promise": _promise(tenth),
            }
            for place, tenth in enumerate(latest.tenths, 1)
        ],
    }


def _promise(tenth: Tenth) -> str:
    if tenth.mean_score > tenth.rate.high:
        return "too much"
    return "too little" if tenth.mean_score < tenth.rate.low else "within noise"


def _text(scores: KnownScores) -> str:
    sample = ""
    if (known := max(scores.latest.known, scores.before.known)) > MOST_LEADS:
        sample = f" They are of a random sample of {MOST_LEADS:,} leads, of up to {known:,}."
    return (
        "# Quality of the scores, by their outcomes\n\n"
        f"Leads that were scored in {scores.latest_weeks} and whose horizon has passed (current),"
        f" compared with {_before(scores)} (reference); `leadscore quality` shows the same leads."
        f" Below the tables, *predicted* is the band High, a score of at least {scores.high:.3g}:"
        f" precision is its conversion, recall the share of all conversions that it had.{sample}"
    )


def _before(scores: KnownScores) -> str:
    if not _has_both_kinds(scores.before):
        return "none before"
    return scores.before_weeks


FIGURES = (
    *("known outcomes", "conversion", "mean score", "AUC", "average precision"),
    *("lift, best tenth", "Brier score", "log loss", "calibration error"),
)


def _column(figures: QualityFigures) -> Iterator[str]:
    yield f"{figures.leads:,}"
    yield _share(figures.conversion)
    yield UNKNOWN if figures.mean_score is None else f"{figures.mean_score:.1%}"
    for figure in (figures.auc, figures.average_precision, figures.lift):
        yield _number(figure)
    yield _number(figures.brier)
    yield _number(figures.log_loss)
    errors = figures.calibration
    yield UNKNOWN if errors is None else f"{errors.error:.3f} ({errors.noise:.3f} by chance)"


def _share(figure: Figure | None) -> str:
    if figure is None:
        return UNKNOWN
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"


def _number(figure: Figure | None) -> str:
    if figure is None:
        return UNKNOWN
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


class _Figures(MetricContainer):  # type: ignore[misc]
    """Head of the section: LeadScore's own figures, with intervals."""

    text: str
    figures: list[dict[str, str]]
    tenths: list[dict[str, str]]

    def generate_metrics(self, context: Any) -> Sequence[Any]:
        return []

    def render(self, context: Any, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        return [
            text_widget(text=self.text),
            _table("Figures with 95 % intervals", self.figures),
            _table("Calibration and lift, current", self.tenths),
        ]


def _table(title: str, rows: list[dict[str, str]]) -> BaseWidgetInfo:
    return table_data(title=title, column_names=[*rows[0]], data=[[*row.values()] for row in rows])
