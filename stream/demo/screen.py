"""The demo's screen."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from agents.drift_reports import drifted_fields
from features.reason_sentence import reason_sentence
from features.table import Table as Leads
from monitoring.drift.diagnosis import ADVICE, Diagnosis
from monitoring.drift.field_drift import DriftState
from schemas.display import for_terminal, record_for_terminal
from schemas.fields import FieldKind
from stream.demo.audit import Audit, ScoredLead
from stream.simulator.run import Played

if TYPE_CHECKING:
    from model.training.train import TrainedModel

__all__ = ["DemoScreen"]

SHOWN = 8
DRIFTED_SHOWN = 6
LABEL = 8
"""Characters of the word before each line."""
LINES_EVERY = 2000
"""Leads between two samples where there is no terminal."""
REFRESH_PER_SECOND = 8
STYLES = {"High": "bold green", "Medium": "yellow", "Low": "dim"}


class DemoScreen:
    """Shows the demo on a terminal, or as plain lines.

    Parameters
    ----------
    console
        The terminal or file.

    Attributes
    ----------
    reports
        Number of drift reports received.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._latest: deque[ScoredLead] = deque(maxlen=SHOWN)
        self._bands: Counter[str] = Counter()
        self._seen = 0
        self._drift: Mapping[str, Any] | None = None
        self._is_playing = False
        self.reports = 0
        self._progress = Progress(
            TextColumn(f"{{task.description:<{LABEL}}}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}", justify="right"),
            console=console,
            expand=True,
        )
        self._sent = self._progress.add_task("sent", total=0)
        self._out = self._progress.add_task("scored", total=0)

    def say(self, what: str, text: str, style: str = "bold") -> None:
        """Print a line; on a terminal that is too narrow for it, several."""
        text = for_terminal(text)
        if not self._console.is_terminal:
            line = f"{what:<{LABEL}} {text}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
            return
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=LABEL, no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(what, style), Text(text))
        self._console.print(grid)

    @contextmanager
    def busy(self, doing: str) -> Iterator[Callable[[str], None]]:
        """Show a running step; yields a function that changes its text."""
        if not self._console.is_terminal:
            yield lambda _: None
            return
        with self._console.status(doing) as status:
            yield status.update

    def trained(self, trained: TrainedModel, past: Leads, where: str, seconds: float) -> None:
        """Show the trained model."""
        report = trained.report
        quality = report.cross_validated.quality
        times = past.columns_for({"created_at": FieldKind.DATE})["created_at"]
        first, last = np.asarray(times, dtype=np.float64)[[0, -1]]
        self.say(
            "Trained",
            f"on {past.rows:,} contacts of {_month(first)} to {_month(last)} in {seconds:.0f} s:"
            f" AUC {quality.auc:.3f} cross-validated,"
            f" {report.positives / report.rows:.1%} positives",
        )
        bands = trained.metadata.thresholds
        self.say("Bundle", f"{where} (High from {bands.high:.3f}, Medium from {bands.medium:.3f})")

    @contextmanager
    def playing(self, total: int, audit: Audit) -> Iterator[None]:
        """Show the run's progress while the body plays it."""
        for task in (self._sent, self._out):
            self._progress.update(task, total=total)
        if not self._console.is_terminal:
            self._is_playing = True
            yield
            self._is_playing = False
            return
        self._console.print()
        with Live(
            get_renderable=lambda: self._render(audit),
            console=self._console,
            refresh_per_second=REFRESH_PER_SECOND,
        ):
            yield

    def played(self, played: Played) -> None:
        """Update the number of events sent."""
        self._progress.update(self._sent, completed=played.sent)

    def scored(self, leads: Sequence[ScoredLead]) -> None:
        """Add scored leads."""
        for lead in leads:
            self._bands[lead.category] += 1
        if leads:
            # Of each batch the lead with the highest score is shown.
            self._latest.append(max(leads, key=lambda lead: lead.score))
        before, self._seen = self._seen, self._seen + len(leads)
        if self._is_playing and before // LINES_EVERY != self._seen // LINES_EVERY:
            lead = self._latest[-1]
            self._console.print(
                f"  {self._seen:>6,} scored; {for_terminal(lead.lead_id)} {lead.score:.3f}"
                f" {lead.category:<6} {_reasons(lead)}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )

    def drifted(self, report: Mapping[str, Any]) -> None:
        """Add a drift report."""
        report = record_for_terminal(report)
        self.reports += 1
        horizon = _widest(report)
        if report["kind"] != "window" or horizon is None:
            return
        known = set(map(_name, _by_psi(self._drift))) if self._drift else set()
        self._drift = horizon
        new = [name for name in map(_name, _by_psi(horizon)) if name not in known]
        if new and not self._console.is_terminal:
            line = f"  drift, {_drift_line(horizon)}, new: {', '.join(new)}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def drift_summary(self) -> None:
        """Show the drifted fields, their PSI, and since when they have drifted."""
        if self._drift is None:
            self.say("Drift", "no window had enough leads for a verdict")
            return
        horizon = self._drift
        self.say("Drift", _drift_line(horizon), "bold yellow")
        for drift in _by_psi(horizon)[:DRIFTED_SHOWN]:
            self.say(
                "",
                f"{_name(drift):<15} PSI {drift['psi']:5.2f} {drift['state']:<8}"
                f" since {_month(drift['since']) if drift['since'] else '-'}",
            )
        self.say("", ADVICE[Diagnosis(horizon["diagnosis"])].sentence)

    def _render(self, audit: Audit) -> Group:
        self._progress.update(self._out, completed=audit.total)
        bands = Text("  ").join(
            Text(f"{band} {self._bands[band]:,}", style) for band, style in STYLES.items()
        )
        bands.append(f"  dead letters {len(audit.dead):,}")
        drift = Text("drift".ljust(LABEL + 1))
        if self._drift is not None:
            drift.append(_drift_line(self._drift), "yellow")
        drift.no_wrap, drift.overflow = True, "ellipsis"
        return Group(self._leads(), Text(), self._progress, Text(" " * (LABEL + 1)) + bands, drift)

    def _leads(self) -> Table:
        table = Table(box=None, pad_edge=False, expand=True)
        for name, width in (("lead", 14), ("score", 5), ("band", 6)):
            table.add_column(name, min_width=width, no_wrap=True)
        table.add_column("because", no_wrap=True, overflow="ellipsis", ratio=1)
        for lead in self._latest:
            table.add_row(
                Text(for_terminal(lead.lead_id)),
                f"{lead.score:.3f}",
                Text(lead.category, STYLES[lead.category]),
                Text(_reasons(lead)),
            )
        return table

    def summary(
        self,
        audit: Audit,
        played: Played,
        rest: Leads,
        *,
        seconds: float,
    ) -> None:
        """Show the counts, throughput, latency and quality of the leads that were sent."""
        self._console.print()
        broken = len(played.broken)
        thin = broken - len(played.dead_letters(refuse_few_fields=False))
        self.say(
            "Sent",
            f"{played.sent:,} leads, {broken:,} of them broken on purpose; {thin:,} of these had"
            " too few fields: scored, but flagged",
        )
        bands = ", ".join(f"{self._bands[band]:,} {band}" for band in STYLES)
        self.say("Scored", f"{len(audit.scored):,} ({bands})")
        codes = ", ".join(f"{count:,} {code}" for code, count in sorted(audit.codes.items()))
        self.say("Dead", f"{len(audit.dead):,} ({codes or 'none'})")
        if audit.repeats:
            self.say("Repeats", f"{audit.repeats:,}: delivery is at least once")
        if audit.scored:
            self.say(
                "Speed",
                f"{audit.total / seconds:,.0f} leads/s, as they were sent; from event to scored"
                f" event p50 {audit.latency_ms(50):.0f} ms, p99 {audit.latency_ms(99):.0f} ms",
            )
        self._outcomes(audit, rest)

    def audited(self, audit: Audit, played: Played, faults: Sequence[str]) -> None:
        """Show whether every lead of the demo has an output."""
        self._console.print()
        if faults:
            self.say("Audit", f"FAILED: {'; '.join(faults)}", "bold red")
            return
        self.say(
            "Audit",
            f"every lead of the {played.sent:,} that were sent has a score ({len(audit.scored):,})"
            f" or a dead letter ({len(audit.dead):,})",
            "bold green",
        )

    def next_steps(self, registry: str, name: str, version: str) -> None:
        """Show what to try next, with a version of a model."""
        self._console.print()
        self.say("Next", ".venv/bin/leadscore --help        a tour of the commands")
        self.say("", ".venv/bin/leadscore train --help  a model of your own leads")
        self.say("", f".venv/bin/leadscore models show {registry}/{name}/{version}")
        self.say("", f".venv/bin/leadscore models history {name} --registry {registry}")
        self.say("", "make test                         the tests, on real Kafka")

    def _outcomes(self, audit: Audit, rest: Leads) -> None:
        from model.training.evaluate import evaluate

        columns = rest.columns_for({"lead_id": FieldKind.TEXT, "y": FieldKind.TEXT})
        subscribed = dict(zip(columns["lead_id"], columns["y"], strict=True))
        leads = [lead for lead in audit.scored.values() if lead.lead_id in subscribed]
        labels = np.array([subscribed[lead.lead_id] == "yes" for lead in leads], dtype=np.bool_)
        if not 0 < labels.sum() < len(labels):
            return
        quality = evaluate(labels, np.array([lead.score for lead in leads]))
        first, last = min(lead.created_at for lead in leads), max(x.created_at for x in leads)
        self.say(
            "Outcome",
            f"of {_month(first)} to {_month(last)}: AUC {quality.auc:.3f}, the best tenth has"
            f" {quality.lift:.1f} x the positives",
        )
        self.say(
            "",
            f"calibration error {quality.calibration_error:.3f}: mean score"
            f" {quality.mean_score:.1%}, but {labels.mean():.1%} subscribed: the leads had drifted",
        )


def _widest(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the longest horizon that has enough leads; None if there is none."""
    known = [horizon for horizon in report["horizons"] if horizon["state"] != DriftState.TOO_FEW]
    return known[-1] if known else None


def _by_psi(horizon: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    drifted = [drift for drift in horizon["fields"] if drift["is_drifted"]]
    return sorted(drifted, key=lambda drift: drift["psi"] or 0.0, reverse=True)


def _name(drift: Mapping[str, Any]) -> str:
    return "the score" if drift["is_score"] else str(drift["name"])


def _drift_line(horizon: Mapping[str, Any]) -> str:
    drifted = [drift for drift in _by_psi(horizon) if not drift["is_score"]]
    worst = ", ".join(f"{drift['name']} {drift['psi']:.1f}" for drift in drifted[:3])
    count, fields = drifted_fields(horizon)
    return (
        f"{horizon['name']} to {_month(horizon['end'])}: {count} of {fields} fields drifted"
        f"{f' (PSI: {worst})' if worst else ''}"
    )


def _reasons(lead: ScoredLead) -> str:
    return for_terminal(reason_sentence(lead.reasons))


def _month(ms: float) -> str:
    return f"{np.datetime64(int(ms), 'ms').astype(object):%b %Y}"
