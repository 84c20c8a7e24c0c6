"""A verdict on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.verdict.losses import LOSSES
from agents.verdict.verdict import LATENCY_QUANTILES, Decision, Verdict
from schemas.display import for_terminal, shown_span
from stream.cli.score_tables import band_matrix, plain_table, quantiles

__all__ = ["show_verdict"]

SECOND_MS, HOUR_MS = 1000, 3_600_000
STYLES = {
    Decision.BETTER: "bold green",
    Decision.WORSE: "bold red",
    Decision.UNDECIDED: "bold",
    Decision.UNKNOWN: "bold",
}


def show_verdict(verdict: Verdict, console: Console) -> None:
    """Print a verdict: the answer, its limits, then the figures."""
    subject = verdict.subject
    console.print(Text(for_terminal(f"{subject.shadow} against {subject.live}"), "bold"))
    _print(console, f"{verdict.counts.both:,} {subject.where}", "dim")
    console.print()
    first, *others = verdict.sentences
    _print(console, first, STYLES[verdict.decision])
    for sentence in others:
        _print(console, sentence)
    for note in verdict.notes:
        _print(console, note, "dim")
    for title, table in _tables(verdict):
        console.print(Text(f"\n{title}", "italic"))
        console.print(table)


def _print(console: Console, sentence: str, style: str = "") -> None:
    console.print(Text(for_terminal(sentence), style))


def _tables(verdict: Verdict) -> list[tuple[str, Table]]:
    found = []
    if verdict.outcomes:
        title = f"Quality on {verdict.outcomes:,} outcomes, {verdict.positives:,} of them successes"
        found.append((title, _quality(verdict)))
    if verdict.scores.pairs:
        ks, psi = verdict.scores.shift.ks, verdict.scores.psi
        found += [
            ("Bands: rows live, columns shadow", band_matrix(verdict.scores.matrix)),
            (
                f"Scores (KS distance {ks:.3f}, PSI {psi:.3f})",
                quantiles(verdict.scores.shift, "live", "shadow"),
            ),
            ("Work", _work(verdict)),
        ]
    return found


def _quality(verdict: Verdict) -> Table:
    table = plain_table("gain of the shadow", "mean", "95 % at all times", "")
    for name, gains in verdict.gains.items():
        interval = gains.interval()
        table.add_row(
            LOSSES[name].title,
            f"{interval.value:+.4f}",
            f"{interval.low:+.4f} to {interval.high:+.4f}",
            "" if interval.is_clear else "within the noise",
        )
    return table


def _work(verdict: Verdict) -> Table:
    counts = verdict.counts
    table = plain_table("", "live", "shadow")
    scored = counts.both + counts.only_live, counts.both + counts.only_shadow
    dead = counts.only_shadow + counts.neither, counts.only_live + counts.neither
    table.add_row("scored", *(f"{count:,}" for count in scored))
    table.add_row("dead letters", *(f"{count:,}" for count in dead))
    table.add_row("feature coverage", *(f"{mean:.1%}" for mean in verdict.mean_coverage))
    for share in LATENCY_QUANTILES:
        spans = (_span(side.quantile(share)) for side in verdict.latencies)
        table.add_row(f"latency, {share:.0%}", *spans)
    return table


def _span(ms: float) -> str:
    if ms < SECOND_MS:
        return f"{ms:.0f} ms"
    return f"{ms / SECOND_MS:,.1f} s" if ms < HOUR_MS else shown_span(ms)
