"""Report of a training: printed by `leadscore train`, and kept in the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from model.column_plan import ColumnPlan
from model.metadata import Calibration
from model.training.bands import Bands
from model.training.cross_validation import CrossValidated
from model.training.evaluate import Quality
from model.training.inspection import Inspection, Leak
from model.training.latest import LatestChange
from model.training.verdict import Verdict

__all__ = ["TrainingReport"]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """Report of a training: data, quality, warnings.

    Attributes
    ----------
    rows, positives
        The labelled leads.
    fields
        Each field of the model, and its number of columns.
    columns
        What was decided about each column, in the file's order.
    dropped
        Columns that are not used, by their name in the file, and why.
    never_missing
        Fields that every lead has, by the column's name in the file.
    inspection
        Columns that may hold what is known only afterwards, and what columns predict alone.
    warnings
        Sentences, the leaks' among them.
    verdict
        Whether the model is better than giving everyone the base rate.
    calibration
        Calibration of the model.
    cross_validated
        Quality on all leads, each scored by a model that has not seen it.
    bands
        The share, conversion and lift of High, Medium and Low.
    change
        Quality on the latest 20 %, scored by a model of the earlier ones; None where there is no
        order.
    parameters
        Parameters of the trees.
    parity
        The largest difference of an ONNX score and the trainer's own, over all leads.
    """

    rows: int
    positives: int
    fields: dict[str, int]
    columns: tuple[ColumnPlan, ...]
    dropped: dict[str, str]
    never_missing: tuple[str, ...]
    inspection: Inspection
    warnings: tuple[str, ...]
    verdict: Verdict
    calibration: Calibration
    cross_validated: CrossValidated
    bands: Bands
    change: LatestChange | None
    parameters: dict[str, Any]
    parity: float

    @property
    def latest(self) -> Quality | None:
        """Quality on the latest 20 %; None where there is no order."""
        return self.change.latest if self.change else None

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Columns that may hold what is known only afterwards."""
        return self.inspection.leaks

    @property
    def calibrated(self) -> str:
        """The calibration in words."""
        if not self.verdict.has_signal:
            return f"the base rate, {self.verdict.base_rate:.1%}, for every lead"
        if self.calibration.method == "none":
            return "as the trees give them: calibration would not lower the log loss"
        slope, intercept = self.calibration.slope, self.calibration.intercept
        return f"Platt, slope {slope:.3f}, intercept {intercept:+.3f}"


def metrics(
    verdict: Verdict,
    cross_validated: CrossValidated,
    bands: Bands,
    change: LatestChange | None,
    inspection: Inspection,
    **more: Any,
) -> dict[str, Any]:
    """Return the report's figures that the model keeps, as JSON; ``more`` is kept as it is."""
    return {
        "verdict": verdict.as_dict(),
        "cross_validated": {
            **cross_validated.quality.as_dict(),
            "auc": cross_validated.auc,
            "fold_aucs": list(cross_validated.fold_aucs),
        },
        "logistic_regression": {
            **verdict.baseline.quality.as_dict(),
            "auc": verdict.baseline.auc,
        },
        **bands.as_metrics(),
        "latest": change.latest.as_dict() if change else None,
        "latest_change": change.as_dict() if change else None,
        "leaks": [asdict(leak) for leak in inspection.leaks],
        "strongest": [asdict(alone) for alone in inspection.strongest],
        **more,
    }
