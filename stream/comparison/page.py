"""A comparison as one HTML page for people who sell: no network, no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from agents.comparison.movers import Mover, Scored
from agents.comparison.quality import PairedQuality
from agents.comparison.report import Comparison
from agents.comparison.score_shift import QUANTILES
from agents.comparison.segments import Segments
from schemas.display import for_terminal
from schemas.scored_event import CATEGORIES
from stream.comparison.page_style import STYLE
from stream.comparison.plots import AFTER, BEFORE, bars, calibration, distributions
from stream.process.whole_file import write_whole

__all__ = ["render_page", "write_page"]

BANDS = tuple(reversed(CATEGORIES))
SHOWN_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FIGURES = {
    "auc": ("AUC", "How often a lead that converts scores higher than one that does not."),
    "lift": ("Lift", "How many times the average conversion the best-scored tenth has."),
    "calibration_error": ("Calibration error", "Mean distance of score and conversion; 0 is best."),
    "brier": ("Brier score", "Mean squared error of the scores; 0 is best."),
}
POINTS = frozenset({"calibration_error", "brier"})
"""Figures of which less is better."""


def write_page(path: Path, comparison: Comparison) -> None:
    """Write the page atomically; an existing file is replaced.

    Raises
    ------
    OSError
        The file can't be written.
    """
    write_whole(path, render_page(comparison))


def render_page(comparison: Comparison) -> str:
    """Return the page."""
    subject = comparison.subject
    title = f"{subject.before} against {subject.after}"
    sections = [
        _head(comparison),
        '<div class="grid">',
        _section("How many leads each band has", _capacity(comparison)),
        _section("Who changes band", _matrix(comparison)),
        "</div>",
        '<div class="grid">',
        _section("The scores", _scores(comparison)),
        _quality(comparison.quality) if comparison.quality else _no_outcomes(),
        "</div>",
        *(_segments(field) for field in comparison.segments),
        _movers(comparison.movers),
        _notes(comparison),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def _head(comparison: Comparison) -> str:
    subject = comparison.subject
    first, *others = comparison.sentences
    return (
        "<header><p class=kicker>Would a new model change anything?</p>"
        f"<h1>{_text(first)}</h1>"
        + "".join(f"<p class=answer>{_text(sentence)}</p>" for sentence in others)
        + f"<p class=legend>{_swatch(BEFORE)}before: {_text(subject.before)}"
        f"<br>{_swatch(AFTER)}after: {_text(subject.after)}</p>"
        f"<p class=faint>{_text(comparison.compared_leads)}</p></header>"
    )


def _capacity(comparison: Comparison) -> str:
    per = "a day" if comparison.population.days else "in all"
    rows = [(name, size.before, size.after) for name, size in comparison.capacity.items()]
    margins = [
        f"{name} ±{size.margin:,.0f}"
        for name, size in comparison.capacity.items()
        if size.margin >= 0.5
    ]
    said = f" Sampling error of the change: {', '.join(margins)}." if margins else ""
    return f"<p class=faint>Leads {per}.{said}</p>{bars(rows)}"


def _matrix(comparison: Comparison) -> str:
    counts, total = comparison.matrix.counts, comparison.counts.compared
    rows = []
    for before in BANDS:
        cells = []
        for after in BANDS:
            count = int(counts[CATEGORIES.index(before), CATEGORIES.index(after)])
            order = CATEGORIES.index(after) - CATEGORIES.index(before)
            kind = "up" if order > 0 else "down" if order < 0 else "same"
            tint = min(0.12 + 0.5 * count / total, 0.6) if count else 0
            cells.append(
                f'<td class={kind} style="--tint:{tint:.2f}">{count:,}'
                f"<small>{count / total:.1%}</small></td>"
            )
        rows.append(f"<tr><th scope=row>{before}</th>{''.join(cells)}</tr>")
    head = "".join(f"<th scope=col>{after}</th>" for after in BANDS)
    return (
        "<p class=faint>Each row is a band before, each column a band after. Green moves up, red"
        " moves down.</p><table class=matrix><thead><tr><th class=corner>before ↓ after →</th>"
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _scores(comparison: Comparison) -> str:
    shift = comparison.shift
    chosen = [QUANTILES.index(share) for share in SHOWN_QUANTILES]
    rows = (
        ("before", shift.mean_before, shift.quantiles_before, "{:.1%}"),
        ("after", shift.mean_after, shift.quantiles_after, "{:.1%}"),
        (
            "change, points",
            (shift.mean_after - shift.mean_before) * 100,
            [value * 100 for value in shift.change_quantiles],
            "{:+.1f}",
        ),
    )
    table = _table(
        ("", "mean", *(_share(share) for share in SHOWN_QUANTILES)),
        (
            (name, form.format(mean), *(form.format(quantiles[i]) for i in chosen))
            for name, mean, quantiles, form in rows
        ),
    )
    return (
        "<p class=faint>How many leads get which score; grey before, green after. At the score"
        f" where they differ most, the shares of leads below it differ by {shift.ks:.1%} (KS).</p>"
        f"{distributions(comparison.histogram)}{table}"
        "<p class=faint>5% of the leads are below the number under 5%, half below the median.</p>"
    )


def _share(share: float) -> str:
    return "median" if share == 0.5 else f"{share:.0%}"


def _quality(quality: PairedQuality) -> str:
    rows = []
    for key, (name, meaning) in FIGURES.items():
        estimate = quality.estimates[key]
        gain = estimate.difference
        is_better = (gain.value > 0) is (key not in POINTS)
        verdict = ("better" if is_better else "worse") if estimate.is_clear else "no clear change"
        rows.append(
            (
                f"{name} <span class='{verdict.split()[0]}'>{verdict}</span>"
                f"<small class=meaning>{escape(meaning)}</small>",
                f"{estimate.before.value:.3f}",
                f"{estimate.after.value:.3f}",
                f"{gain.value:+.3f} <small>{gain.low:+.3f} to {gain.high:+.3f}</small>",
            )
        )
    rate = quality.before.rate
    return _section(
        "Which is right more often",
        f"<p class=faint>On {quality.before.rows:,} leads whose outcome is known, of which"
        f" {rate:.1%} converted. On the dashed line a score says what converts. The interval of"
        " each change is that of 95 % certainty.</p>"
        + calibration(quality.curve_before, quality.curve_after)
        + _table(("", "before", "after", "change"), rows, is_markup=True),
    )


def _no_outcomes() -> str:
    return _section(
        "Which is right more often",
        "<p class=faint>Not known: the comparison has no outcomes of these leads. Give them with"
        " <code>--target</code>, <code>--outcomes</code> or <code>--with-outcomes</code> to see"
        " which model ranks better.</p>",
    )


def _segments(field: Segments) -> str:
    pairs = bars(
        (
            (
                for_terminal(f"{segment.name} ({segment.leads:,})"),
                segment.high_before,
                segment.high_after,
            )
            for segment in field.segments
        ),
        "{:.1%}",
    )
    table = _table(
        ("", "mean score before", "after", "change band"),
        (
            (
                segment.name,
                f"{segment.mean_before:.1%}",
                f"{segment.mean_after:.1%}",
                f"{segment.moved_share:.1%}",
            )
            for segment in field.segments
        ),
    )
    return _section(
        f"By {field.field}",
        f"<div class=grid><div><p class=faint>Share of the leads that are High; the number of leads"
        f" is in brackets.</p>{pairs}</div><div>{table}</div></div>"
        + (_segment_quality(field) if field.has_quality else ""),
    )


def _segment_quality(field: Segments) -> str:
    """Return what converted in each segment, and which scores fit it better."""
    rows = []
    for segment in field.segments:
        name, quality = _text(segment.name), segment.quality
        if quality is None:
            rows.append((f"{name}<small>too few outcomes</small>", *"------"))
            continue
        auc, lift, error = (
            (each.before.value, each.after.value) for each in quality.estimates.values()
        )
        rows.append(
            (
                f"{name}<small>{_text(quality.verdict)}</small>",
                f"{quality.leads:,}",
                f"{quality.rate:.1%}",
                _arrow(quality.mean_before, quality.mean_after, "{:.1%}"),
                _arrow(*auc, "{:.2f}"),
                _arrow(*lift, "{:.1f}"),
                _arrow(*error, "{:.1%}"),
            )
        )
    columns = ("", "leads", "converted", "mean score", "AUC", "lift", "calibration error")
    return (
        "<h3>Outcomes</h3><p class=faint>Leads whose outcome is known; before → after."
        " The mean score should be what converted. Under each name: what changed by more than"
        " chance; of twenty such lines, one may still be chance.</p>"
        + _table(columns, rows, is_markup=True)
    )


def _arrow(before: float, after: float, form: str) -> str:
    return f"<span class=pairof>{form.format(before)}&nbsp;→ {form.format(after)}</span>"


def _movers(movers: Sequence[Mover]) -> str:
    if not movers:
        return ""
    cards = "".join(
        f"<li><h3>{_text(mover.lead_id or mover.place)}"
        f" <span class={'better' if mover.change > 0 else 'worse'}>{mover.change * 100:+.1f} points"
        f"</span></h3>{_scored('before', BEFORE, mover.before)}"
        f"{_scored('after', AFTER, mover.after)}</li>"
        for mover in movers
    )
    return _section("The leads that change most, and why", f"<ol class=movers>{cards}</ol>")


def _scored(side: str, colour: str, scored: Scored) -> str:
    because = scored.because or "no reasons"
    return (
        f"<p>{_swatch(colour)}<b>{scored.score:.1%} {_text(scored.category)}</b> {side}"
        f"<br><span class=faint>{_text(because)}</span></p>"
    )


def _notes(comparison: Comparison) -> str:
    if not comparison.notes:
        return ""
    items = "".join(f"<li>{_text(note)}</li>" for note in comparison.notes)
    return _section("What to keep in mind", f"<ul>{items}</ul>")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, is_markup: bool = False) -> str:
    shown = (lambda cell: cell) if is_markup else _text
    body = "".join(
        f"<tr><th scope=row>{shown(name)}</th>"
        + "".join(f"<td>{shown(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    columns = "".join(f"<th scope=col>{escape(name)}</th>" for name in head)
    return (
        f"<div class=scroll><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"
        "</div>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{body}</section>"


def _swatch(colour: str) -> str:
    return f'<i class=swatch style="background:{colour}"></i>'


def _text(text: str) -> str:
    return escape(for_terminal(text))
