"""Explanations of scores that workers gave, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.score_changes import Cause, Part
from schemas.display import for_terminal
from stream.cli.explain_file import WIDTH_IN_A_PIPE, contribution_bar
from stream.cli.output import console
from stream.explanation.explaining import Change, ExplainedScore
from stream.explanation.recomputation import Recomputed, RecordedField

__all__ = ["show_explanation", "show_history"]

BANDS = {"High": "bold green", "Medium": "yellow", "Low": "dim"}
BAR = 8
DATE_WIDTH = 20
"""Characters of a time in ISO 8601."""
SHOWN_TEXT = 40
"""Characters of a value on a terminal."""
NO_SHAPLEY = (
    "The exact Shapley values need the model's model.ubj and XGBoost (pip install"
    " leadscore[train]): contributions along the paths of the trees are shown instead."
)
CAUSES = {
    Cause.MODEL: "the model",
    Cause.TIME: "time: a rescore counts the ages of dates to its own time",
    Cause.LEAD_AND_MODEL: "the lead and the model: the earlier model can't read the later lead",
    Cause.UNKNOWN: "unknown: a record of the lead is not there any more",
    Cause.REST: "not reproduced: the emitted scores differ from those computed again",
}


def show_explanation(found: ExplainedScore) -> None:
    """Print a score, whether it is reproduced, and what each field contributed."""
    console = _console()
    moment = _moment(found.emission.scored_at)
    console.print(_headline(found))
    console.print(
        Text(for_terminal(f"{found.emission.source} → {found.emission.at}, {moment} UTC"), "dim")
    )
    console.print(_verdict(found))
    console.print()
    again = found.recomputed
    if again is None or again.explanation is None:
        console.print(_reasons(found))
        return
    console.print(_fields(again, console))
    console.print()
    for note in _notes(again):
        console.print(Text(note, "dim"))


def show_history(scores: Sequence[ExplainedScore], changes: Sequence[Change]) -> None:
    """Print the scores of a lead, the oldest first, and between two what changed."""
    console = _console()
    lead = for_terminal(scores[0].emission.event["lead_id"])
    plural = "score" if len(scores) == 1 else "scores"
    console.print(Text.assemble((lead, "bold"), f": {len(scores)} {plural}"))
    console.print()
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("scored at (UTC)", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("log odds", justify="right", no_wrap=True)
    table.add_column("", overflow="fold", ratio=1)
    for i, score in enumerate(scores):
        if i:
            _add_change(table, changes[i - 1])
        event = score.emission.event
        table.add_row(
            _moment(score.emission.scored_at),
            f"{score.score:.4f}",
            "",
            Text.assemble(
                (event["category"], BANDS[event["category"]]),
                for_terminal(f" by {_model(score)}, {score.emission.source}{_replay(score)}"),
                _mark(score),
            ),
        )
    console.print(table)
    if not changes:
        return
    console.print()
    console.print(
        Text(
            "Log odds: parts of the difference of the two scores, in this order: fields of the"
            " lead, the time of its creation, the model. They add up to the difference.",
            "dim",
        )
    )


def _console() -> Console:
    return console(WIDTH_IN_A_PIPE, highlight=False)


def _headline(found: ExplainedScore) -> Text:
    event = found.emission.event
    return Text.assemble(
        (for_terminal(event["lead_id"]), "bold"),
        f"  {found.score:.4f}  ",
        (event["category"], BANDS[event["category"]]),
        for_terminal(f"  by {_model(found)} ({event['model_sha256'][:12]}){_replay(found)}"),
    )


def _verdict(found: ExplainedScore) -> Text:
    again = found.recomputed
    if again is None:
        return Text("The lead's record is not there any more: this is what was emitted.", "yellow")
    if again.event is None:
        return Text(
            f"Computed again, the lead would be a dead letter ({again.refusal}): the rules or the"
            " settings differ from those of the worker.",
            "bold red",
        )
    if not again.is_reproduced:
        return Text(
            f"Computed again, the score is {again.event['score']!r}, not the emitted"
            f" {found.score!r}.",
            "bold red",
        )
    others = f" {', '.join(again.differing)} differ." if again.differing else ""
    return Text(f"Computed again: the same score to the bit.{others}", "green")


def _reasons(found: ExplainedScore) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("reason", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("emitted", justify="right", no_wrap=True)
    for reason in found.emission.event["reasons"]:
        shown = Text(for_terminal(reason["feature"])), Text(for_terminal(reason["value"]))
        table.add_row(*shown, f"{reason['contribution']:+.3f}")
    return table


def _fields(again: Recomputed, console: Console) -> Table:
    explanation, has_shapley = again.explanation, again.shapley_base is not None
    assert explanation is not None
    largest = max((abs(_moved(field)) for field in again.fields), default=0.0) or 1.0
    table = Table(box=None, pad_edge=False)
    table.add_column("field", overflow="fold")
    table.add_column("value", overflow="fold", min_width=DATE_WIDTH)
    table.add_column("typical", overflow="fold", style="dim")
    table.add_column("emitted", justify="right", no_wrap=True)
    table.add_column("Shapley" if has_shapley else "along paths", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    base = again.shapley_base if again.shapley_base is not None else explanation.base
    table.add_row("(base)", "", "", "", f"{base:+.3f}", "")
    for field in again.fields:
        table.add_row(
            Text(for_terminal(field.name)),
            _value(field.value, console),
            Text(for_terminal(field.typical)),
            "" if field.emitted is None else f"{field.emitted:+.3f}",
            f"{_moved(field):+.3f}",
            contribution_bar(_moved(field), largest, BAR),
        )
    before = base + sum(_moved(field) for field in again.fields)
    logit = explanation.slope * before + explanation.intercept
    table.add_row("(calibration)", "", "", "", f"{logit - before:+.3f}", "")
    table.add_row("logit", "", "", "", f"{logit:+.3f}", "")
    return table


def _moved(field: RecordedField) -> float:
    return field.contribution if field.shapley is None else field.shapley


def _notes(again: Recomputed) -> Sequence[str]:
    if again.shapley_base is None:
        return (NO_SHAPLEY,)
    return (
        "emitted: the reasons of the event, along the paths of the trees. Shapley: exact, of the"
        " same trees. Both in log odds, before calibration.",
    )


def _value(value: str | float | None, console: Console) -> Text:
    if value is None:
        return Text("missing", "dim")
    text = for_terminal(value if isinstance(value, str) else f"{value:,.10g}")
    if console.is_terminal and len(text) > SHOWN_TEXT:
        text = f"{text[: SHOWN_TEXT - 1]}…"
    return Text(text)


def _add_change(table: Table, change: Change) -> None:
    for part in change.parts:
        table.add_row("", "", f"{part.log_odds:+.3f}", _part(part), style="dim")
    if len(change.parts) != 1:
        table.add_row("", "", f"{change.log_odds:+.3f}", "in all")


def _part(part: Part) -> Text:
    if part.field is None:
        return Text(CAUSES[part.cause])
    time = " (time)" if part.cause is Cause.TIME else ""
    before, after = (_short(value) for value in (part.before, part.after))
    return Text(f"{for_terminal(part.field)}{time}: {before} → {after}")


def _short(value: str | float | None) -> str:
    if value is None:
        return "missing"
    text = for_terminal(value if isinstance(value, str) else f"{value:,.10g}")
    return f"{text[: SHOWN_TEXT - 1]}…" if len(text) > SHOWN_TEXT else text


def _mark(score: ExplainedScore) -> tuple[str, str]:
    if score.recomputed is None:
        return ", its record is not there any more", "yellow"
    return ("", "") if score.is_reproduced else (", not reproduced", "bold red")


def _replay(found: ExplainedScore) -> str:
    replay_id = found.emission.event.get("replay_id")
    return f", replay {replay_id}" if replay_id else ""


def _model(found: ExplainedScore) -> str:
    event = found.emission.event
    return f"{event['model_id']}/{event['model_version']}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
