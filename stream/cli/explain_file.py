"""The explanation of a lead of a file, without Kafka."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import orjson
from rich.table import Table as ScreenTable
from rich.text import Text

from agents.offline import Explanation, FileLeads, OfflineScorer
from model.serving.predictor import open_predictor
from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.file_leads import ID, complain, load_model, read_content, read_leads
from stream.cli.output import console

__all__ = ["contribution_bar", "explain_lead_of_file"]

BAR = 12
WIDTH_IN_A_PIPE = 100_000
"""More than any row has: nothing is cut off."""


def explain_lead_of_file(
    file: Path,
    lead: str | None,
    *,
    model: str,
    registry: str,
    id_column: str,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Print why a lead of a file, or of standard input (-), gets its score.

    Raises
    ------
    InputError
        The file, an option or the model is unusable, or there is no such lead.
    """
    bundle = load_model(registry, model)
    leads = read_leads(*read_content(file), bundle, id_column, encoding)
    complain(leads.wrong)
    at = _position(leads, lead)
    columns = {name: values[at : at + 1] for name, values in leads.columns.items()}
    explanation = OfflineScorer(bundle, open_predictor(bundle)).explain(columns)
    if as_json:
        click.echo(_as_json(leads.ids[at], explanation))
    else:
        _show(leads.ids[at], explanation, f"{bundle.name}/{bundle.version}")


def contribution_bar(contribution: float, largest: float, width: int = BAR) -> Text:
    """Return a bar as long as a contribution is large, green for one that raises the score.

    Parameters
    ----------
    contribution, largest
        The contribution, and the largest one in size.
    width
        Characters of the largest one.
    """
    length = max(round(abs(contribution) / largest * width), int(contribution != 0))
    return Text("█" * length, "green" if contribution > 0 else "red")


def _position(leads: FileLeads, lead: str | None) -> int:
    if not leads.ids:
        raise InputError("expected at least one lead, but there is none: " + "; ".join(leads.wrong))
    if lead is None:
        return 0
    if lead not in leads.ids:
        raise InputError(f"there is no lead {lead!r}: name another, or its column with --id")
    return leads.ids.index(lead)


def _as_json(lead_id: str, explanation: Explanation) -> str:
    return orjson.dumps(
        {
            ID: lead_id,
            "score": explanation.score,
            "logit": explanation.logit,
            "base": explanation.base,
            "contributions": [
                {
                    "feature": field.name,
                    "value": field.value,
                    "contribution": field.contribution,
                    "aspects": [asdict(aspect) for aspect in field.aspects],
                }
                for field in explanation.fields
            ],
            "calibration": {
                "slope": explanation.slope,
                "intercept": explanation.intercept,
                "contribution": explanation.calibration,
            },
        }
    ).decode()


def _show(lead_id: str, explanation: Explanation, model: str) -> None:
    largest = max((abs(field.contribution) for field in explanation.fields), default=0.0) or 1.0
    table = ScreenTable(box=None, pad_edge=False)
    table.add_column("field", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("adds to logit", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_row("(base)", "", f"{explanation.base:+.3f}")
    for field in explanation.fields:
        bar = contribution_bar(field.contribution, largest)
        shown = Text(for_terminal(field.name)), Text(for_terminal(field.value))
        table.add_row(*shown, f"{field.contribution:+.3f}", bar)
        for aspect in field.aspects:
            if aspect.contribution:
                part = Text(f"  {aspect.aspect}"), Text(for_terminal(aspect.value))
                table.add_row(*part, f"({aspect.contribution:+.3f})", style="dim")
    table.add_row("(calibration)", "", f"{explanation.calibration:+.3f}")
    table.add_row("logit", "", f"{explanation.logit:+.3f}")
    screen = console(WIDTH_IN_A_PIPE)
    said = f" scores {explanation.score:.4f} by {for_terminal(model)}"
    screen.print(Text.assemble((for_terminal(lead_id), "bold"), said))
    screen.print(table)
