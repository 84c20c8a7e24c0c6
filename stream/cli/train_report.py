"""The report of a training, on the terminal."""

from __future__ import annotations

import orjson
from rich.console import Console
from rich.table import Table

from model.training.planning import TrainingPlan
from model.training.report import TrainingReport
from model.training.train import TrainedModel
from model.training.verdict import Verdict
from schemas.display import for_terminal
from stream.cli.band_table import print_bands
from stream.cli.column_table import print_columns, print_warnings
from stream.cli.strongest_table import print_strongest
from stream.cli.training_rows import print_rows

__all__ = ["plan_json", "print_plan", "print_report", "report_json"]

FIGURES = {
    "AUC": ("auc", "{:.4f}"),
    "average precision": ("average_precision", "{:.4f}"),
    "Brier score": ("brier", "{:.4f}"),
    "Brier skill": ("brier_skill", "{:.4f}"),
    "log loss": ("log_loss", "{:.4f}"),
    "calibration error": ("calibration_error", "{:.4f}"),
    "  of which chance": ("calibration_noise", "{:.4f}"),
    "lift, best tenth": ("lift", "{:.2f}"),
    "mean score": ("mean_score", "{:.1%}"),
    "positives": ("rate", "{:.1%}"),
    "leads": ("rows", "{:,}"),
}
"""Figures that are shown, with their formats."""


def print_report(trained: TrainedModel, console: Console) -> None:
    """Print the verdict, what a model is made of, how good it is, and what is suspicious."""
    report = trained.report
    _print_verdict(report.verdict, console)
    console.print(
        f"{report.rows:,} leads, {report.positives:,} positives "
        f"({report.positives / report.rows:.1%}); {len(report.fields)} fields, "
        f"{sum(report.fields.values())} columns",
        highlight=False,
    )
    training = trained.metadata.training
    print_rows(training.target, training.labels, training.groups, console)
    console.print()
    print_columns(report.columns, console)
    print_strongest(report.inspection, console)
    console.print()
    console.print(_figures(report))
    print_bands(report.bands, trained.metadata.engagement, console)
    console.print(f"Scores: {report.calibrated}", highlight=False)
    console.print(
        f"ONNX and XGBoost differ by at most {report.parity:.1g} over all leads", highlight=False
    )
    if report.never_missing:
        names = ", ".join(map(_plain, report.never_missing))
        console.print(
            f"Never missing here: {names}. What leads without them score was learnt from copies of"
            " leads with values left out.",
            highlight=False,
        )
    print_warnings(report.warnings, console)


def print_plan(plan: TrainingPlan, console: Console) -> None:
    """Print what a training would learn from, and what is surprising."""
    console.print(
        f"{plan.rows:,} leads, {plan.positives:,} positives ({plan.positives / plan.rows:.1%})",
        highlight=False,
    )
    print_rows(plan.target, plan.labels, plan.groups, console)
    console.print()
    print_columns(plan.columns, console)
    print_warnings(plan.warnings, console)


def report_json(trained: TrainedModel, name: str, version: str | None) -> str:
    """Return the report of a training as one line of JSON: what the bundle keeps of it, too.

    Parameters
    ----------
    trained
        The model.
    name, version
        Where it is in the registry; None where it was not published.
    """
    metadata = trained.metadata
    report = {
        "model": name,
        "version": version,
        "verdict": metadata.metrics["verdict"],
        **metadata.training.model_dump(mode="json"),
        "calibration": metadata.calibration.model_dump(mode="json"),
        "thresholds": metadata.thresholds.model_dump(mode="json"),
        "engagement": metadata.engagement.model_dump(mode="json"),
        "never_missing": list(trained.report.never_missing),
        "metrics": metadata.metrics,
    }
    return orjson.dumps(report).decode()


def plan_json(plan: TrainingPlan) -> str:
    """Return what a training would learn from, as one line with the keys of ``report_json``."""
    return orjson.dumps(
        {
            "rows": plan.rows,
            "positives": plan.positives,
            "target": plan.target,
            "positive": plan.positive,
            "labels": plan.labels.model_dump(mode="json"),
            "groups": plan.groups.model_dump(mode="json"),
            "columns": [column.model_dump(mode="json") for column in plan.columns],
            "warnings": plan.warnings,
        }
    ).decode()


def _print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict; a sentence is one line where it is not for a terminal."""
    sentences = {verdict.sentence: "bold", verdict.baseline.sentence: None}
    if not verdict.has_signal:
        sentences[verdict.consequence] = "bold"
    for sentence, style in sentences.items():
        console.print(sentence, style=style, highlight=False, soft_wrap=not console.is_terminal)
    console.print()


def _figures(report: TrainingReport) -> Table:
    validated, baseline, latest = report.cross_validated, report.verdict.baseline, report.latest
    qualities = {"cross-validated": validated.quality, "logistic regression": baseline.quality}
    if latest:
        qualities["latest 20 %"] = latest
    table = Table(title="On leads that the model has not seen")
    table.add_column("")
    for title in qualities:
        table.add_column(title, justify="right")
    for label, (name, form) in FIGURES.items():
        cells = [form.format(getattr(quality, name)) for quality in qualities.values()]
        if name == "auc":
            cells[0] = f"{validated.auc:.4f} ± {validated.auc_deviation:.4f}"
            cells[1] = f"{baseline.auc:.4f}"
        table.add_row(label, *cells)
    return table


def _plain(text: str) -> str:
    """Return a text of the file's as the terminal shows it, brackets of it being no markup."""
    return for_terminal(text).replace("[", r"\[")
