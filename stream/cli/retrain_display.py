"""Prints retrainings: their plans and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.table import Table

from schemas.display import for_terminal
from stream.cli.models_options import terminal
from stream.retraining.plan import RetrainAccount, RetrainPlan, RetrainRecord

__all__ = ["account_json", "print_account", "print_retrainings"]


def account_json(plan: RetrainPlan, account: RetrainAccount | None) -> dict[str, Any]:
    """Return a retraining as JSON."""
    return {
        "retrain_id": plan.id,
        "plan": plan.model_dump(mode="json"),
        "account": None if account is None else account.model_dump(mode="json"),
    }


def print_account(plan: RetrainPlan, account: RetrainAccount | None, stage: str = "") -> None:
    """Print a retraining in lines; ``stage`` is where its candidate is now."""
    lines = [
        ("Retraining", f"{plan.id}, {plan.trigger}{f': {plan.reason}' if plan.reason else ''}"),
        ("Production", f"{plan.model}/{plan.production}"),
        *(_result(plan, account) if account is not None else [("State", "not ended")]),
        *([("Now", stage)] if stage else []),
    ]
    for label, text in lines:
        click.echo(for_terminal(f"{label:<11} {text}"))


def _result(plan: RetrainPlan, account: RetrainAccount) -> list[tuple[str, str]]:
    lines = [("Verdict", account.sentence)]
    if account.rows:
        data = f"{account.rows:,} leads, {account.positives:,} of them converted"
        lines.insert(0, ("Data", f"{data}, sha256 {(account.data_sha256 or '')[:12]}"))
    if account.version is not None:
        lines.append(("Candidate", f"{plan.model}/{account.version}"))
    if account.next_step:
        lines.append(("Next", account.next_step))
    return [*lines, *(("Note", warning) for warning in account.warnings)]


def print_retrainings(records: Sequence[RetrainRecord]) -> None:
    """Print a table of retrainings."""
    if not records:
        click.echo("There were no retrainings.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("id", "trigger", "planned", "outcome", "candidate", "AUC before", "after"):
        table.add_column(name, no_wrap=True)
    for record in records:
        plan, account = record.plan, record.account
        table.add_row(
            for_terminal(plan.id),
            for_terminal(plan.trigger),
            f"{plan.created_at:%Y-%m-%d %H:%M}",
            "not ended" if account is None else account.outcome,
            "-"
            if account is None or account.version is None
            else f"{plan.model}/{account.version}",
            _auc(account.auc_production if account else None),
            _auc(account.auc_candidate if account else None),
        )
    terminal().print(table)


def _auc(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
