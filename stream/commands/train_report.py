"""The report of a training, for people."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from model.evaluate import Quality
from model.train import TrainedModel
from schemas.display import for_terminal

__all__ = ["print_report"]

SHOWN_WORDS = 8
FIGURES = {
    "AUC": ("auc", "{:.4f}"),
    "average precision": ("average_precision", "{:.4f}"),
    "Brier score": ("brier", "{:.4f}"),
    "log loss": ("log_loss", "{:.4f}"),
    "calibration error": ("calibration_error", "{:.4f}"),
    "  of which chance": ("calibration_noise", "{:.4f}"),
    "lift, best tenth": ("lift", "{:.2f}"),
    "mean score": ("mean_score", "{:.1%}"),
    "positives": ("rate", "{:.1%}"),
    "leads": ("rows", "{:,}"),
}
"""What is shown of a quality, and how."""


def print_report(trained: TrainedModel, console: Console) -> None:
    """Print how good a model is, what it is made of, and what is suspicious."""
    report = trained.report
    console.print(
        f"{report.rows:,} leads, {report.positives:,} positives "
        f"({report.positives / report.rows:.1%}); {len(report.fields)} fields, "
        f"{sum(report.fields.values())} columns",
        highlight=False,
    )
    console.print(_figures(trained))
    console.print(f"Scores: {report.calibration}", highlight=False)
    console.print(
        f"ONNX and XGBoost differ by at most {report.parity:.1g} over all leads", highlight=False
    )
    console.print(_dropped(report.dropped))
    for column, words in report.missing.items():
        console.print(
            f"Read as missing: {_plain(column)}: {_plain(_counted(words))}", highlight=False
        )
    if report.never_missing:
        names = ", ".join(map(_plain, report.never_missing))
        console.print(
            f"Never missing here: {names}. What leads without them score was learnt from copies of"
            " leads with values left out.",
            highlight=False,
        )
    for warning in report.warnings:
        console.print(f"[yellow]![/yellow] {_plain(warning)}", highlight=False)


def _figures(trained: TrainedModel) -> Table:
    validated, latest = trained.report.cross_validated, trained.report.latest
    table = Table(title="On leads that the model has not seen")
    table.add_column("")
    table.add_column("cross-validated", justify="right")
    if latest:
        table.add_column("latest 20 %", justify="right")
    for label, (name, form) in FIGURES.items():
        qualities: list[Quality] = [validated.quality, *([latest] if latest else [])]
        cells = [form.format(getattr(quality, name)) for quality in qualities]
        if name == "auc":
            cells[0] = f"{validated.auc:.4f} ± {validated.auc_deviation:.4f}"
        table.add_row(label, *cells)
    return table


def _dropped(dropped: dict[str, str]) -> Table:
    table = Table(title="Columns that are not used")
    table.add_column("column")
    table.add_column("why")
    for column, reason in dropped.items():
        table.add_row(_plain(column), _plain(reason))
    return table


def _counted(words: Mapping[str, int]) -> str:
    listed = sorted(words.items(), key=lambda word: (-word[1], word[0]))
    shown = ", ".join(f"'{word}' ({count:,})" for word, count in listed[:SHOWN_WORDS])
    return shown + (", …" if len(listed) > SHOWN_WORDS else "")


def _plain(text: str) -> str:
    """Return a text of the file's as the terminal shows it, brackets of it being no markup."""
    return for_terminal(text).replace("[", r"\[")
