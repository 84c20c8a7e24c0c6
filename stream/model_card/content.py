"""Content of a model's card, from its bundle and the history of its aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agents.comparison.quality import CalibrationPoint
from model.alias_entry import AliasEntry
from model.bundle import Bundle
from model.metadata import BundleMetadata
from model.training.card import personal_content
from stream.model_card.card import Bars, Card, Curve, Section, Table

__all__ = ["card_of"]

LEAST_OF_A_KIND = 40
"""Number of positives, and of negatives, that training requires at least."""
NOT_RECORDED = (
    "Not recorded: the model was trained by an earlier release. Train it again to see it."
)
FIGURES = {
    "AUC": ("auc", "{:.3f}"),
    "Average precision": ("average_precision", "{:.3f}"),
    "Brier score": ("brier", "{:.4f}"),
    "Brier skill": ("brier_skill", "{:.3f}"),
    "Log loss": ("log_loss", "{:.4f}"),
    "Calibration error": ("calibration_error", "{:.4f}"),
    "of which chance": ("calibration_noise", "{:.4f}"),
    "Lift of the best tenth": ("lift", "{:.2f}"),
    "Leads": ("rows", "{:,.0f}"),
}
MEASURED = {
    "cross-validated": "cross_validated",
    "logistic regression": "logistic_regression",
    "latest 20 %": "latest",
}
ORDINALS = ("best", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "last")
Values = Mapping[str, Any]


def card_of(
    bundle: Bundle, aliases: Sequence[str], entries: Sequence[AliasEntry], *, is_archived: bool
) -> Card:
    """Return the card of a model.

    Parameters
    ----------
    bundle
        The model.
    aliases
        The aliases that name this version.
    entries
        The history of the model's aliases.
    is_archived
        Whether this version is archived.
    """
    metadata = bundle.metadata
    return Card(
        title=f"{bundle.name} version {bundle.version}",
        facts=_standing(bundle, aliases, is_archived=is_archived),
        answers=_answers(metadata.metrics),
        sections=(
            _data(metadata),
            _quality(metadata.metrics),
            _calibration(metadata),
            _lift(metadata.metrics),
            _bands(metadata),
            _fields(metadata),
            _segments(metadata.metrics),
            _limits(metadata),
            _history(bundle.version, entries),
            _identity(bundle),
        ),
    )


def _standing(bundle: Bundle, aliases: Sequence[str], *, is_archived: bool) -> tuple[str, ...]:
    standing = " and ".join(aliases) if aliases else "no alias names it"
    published = (
        f"published {datetime.fromtimestamp(bundle.published, UTC):%Y-%m-%d %H:%M} UTC"
        if bundle.published
        else "time of publication unknown"
    )
    return (f"{'archived' if is_archived else standing}; {published}", f"sha256 {bundle.sha256}")


def _answers(metrics: Values) -> tuple[str, ...]:
    verdict = metrics.get("verdict")
    if not isinstance(verdict, Mapping):
        return (f"Whether it is better than the base rate: {NOT_RECORDED}",)
    parts = [verdict, verdict.get("baseline")]
    return tuple(
        str(part["sentence"]) for part in parts if isinstance(part, Mapping) and "sentence" in part
    )


def _data(metadata: BundleMetadata) -> Section:
    training = metadata.training
    negatives = training.rows - training.positives
    rows = [
        ("Leads", f"{training.rows:,}"),
        ("Positives", f"{training.positives:,} ({training.positives / training.rows:.1%})"),
        ("Target", f"{training.target} (positive: {training.positive or 'as found'})"),
        ("Window", _window(metadata)),
        ("Order", f"by {training.order}" if training.order else "none: folds are drawn at random"),
        ("Data", f"sha256 {training.data_sha256}"),
    ]
    if labels := training.labels:
        left_out = sum(labels.ignored.values())
        rows.append(
            (
                "Left out",
                f"{labels.missing:,} without an outcome, {labels.immature:,} too young for one,"
                f" {left_out:,} with another value of the target",
            )
        )
    if groups := training.groups:
        rows.append(("Independent", f"{groups.groups:,} groups of rows that belong together"))
    return Section(
        "Training data",
        (
            f"Training requires {LEAST_OF_A_KIND} positives and {LEAST_OF_A_KIND} negatives; there"
            f" are {training.positives:,} and {negatives:,}.{_sufficiency(metadata.metrics)}",
        ),
        (Table(("", ""), tuple(rows)),),
    )


def _sufficiency(metrics: Values) -> str:
    verdict = metrics.get("verdict")
    values = verdict if isinstance(verdict, Mapping) else {}
    interval = values.get("auc_interval")
    if not isinstance(interval, list) or len(interval) != 2:
        return ""
    low, high = interval
    return (
        f" With these leads the AUC is known to within ±{(high - low) / 2:.3f} (95 %): training on"
        " them can't show a smaller difference from another model."
    )


def _window(metadata: BundleMetadata) -> str:
    window = metadata.metrics.get("window")
    if isinstance(window, list) and len(window) == 2:
        return f"leads created from {window[0]} to {window[1]}"
    created = [plan for plan in metadata.training.columns if plan.field == "created_at"]
    if created and created[0].low is not None and created[0].high is not None:
        first, last = (
            f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
            for ms in (created[0].low, created[0].high)
        )
        return f"leads created from {first} to {last}"
    return "not known: the training had no time of creation (--time)"


def _quality(metrics: Values) -> Section:
    found = {
        title: values
        for title, key in MEASURED.items()
        if isinstance(values := metrics.get(key), Mapping)
    }
    if not found:
        return Section("Quality", (NOT_RECORDED,))
    rows = tuple(
        (label, *(_number(values.get(key), form) for values in found.values()))
        for label, (key, form) in FIGURES.items()
    )
    return Section(
        "Quality",
        ("On leads that the model has not seen.",),
        (Table(("", *found), rows),),
    )


def _calibration(metadata: BundleMetadata) -> Section:
    tenths = _records(metadata.metrics.get("tenths"))
    method = metadata.calibration.method
    said = f"Calibration: {'none' if method == 'none' else 'Platt scaling'}."
    if not tenths:
        return Section("Calibration", (said, NOT_RECORDED))
    points = tuple(
        CalibrationPoint(one["mean_score"], one["rate"], one["leads"]) for one in reversed(tenths)
    )
    return Section(
        "Calibration",
        (
            f"{said} Each point is a tenth of the leads that the model has not seen: on the dashed"
            " line a score says what converts.",
        ),
        (Curve(points),),
    )


def _lift(metrics: Values) -> Section:
    tenths = _records(metrics.get("tenths"))
    if not tenths:
        return Section("Lift", (NOT_RECORDED,))
    leads = sum(one["leads"] for one in tenths)
    positives = sum(one["rate"] * one["leads"] for one in tenths)
    average = positives / leads if leads else 0.0
    bars, caught = [], 0.0
    for place, one in enumerate(tenths):
        caught += one["rate"] * one["leads"]
        lift = one["rate"] / average if average else 0.0
        share = caught / positives if positives else 0.0
        bars.append((f"{_ordinal(place)} tenth", lift, f"{lift:.2f}× ({share:.0%} so far)"))
    return Section(
        "Lift",
        (
            "How many times the average conversion each tenth of the leads has, the best-scored"
            " first; in brackets, the share of all positives that it and those before it have.",
        ),
        (Bars("Lift by tenth", tuple(bars)),),
    )


def _ordinal(place: int) -> str:
    return ORDINALS[place] if place < len(ORDINALS) else f"{place + 1}th"


def _bands(metadata: BundleMetadata) -> Section:
    thresholds, engagement = metadata.thresholds, metadata.engagement
    lowest = {"High": thresholds.high, "Medium": thresholds.medium, "Low": 0.0}
    rows = []
    for name, score in lowest.items():
        band = metadata.metrics.get(f"band_{name.lower()}")
        values: Values = band if isinstance(band, Mapping) else {}
        rows.append(
            (
                name,
                f"{score:.4g}",
                _number(values.get("leads"), "{:,.0f}"),
                _number(values.get("share"), "{:.1%}"),
                _number(values.get("conversion"), "{:.1%}"),
                _number(values.get("lift"), "{:.2f}"),
            )
        )
    return Section(
        "Bands",
        (
            f"Healthy mean score: {engagement.low:.1%} to {engagement.high:.1%}; outside it an"
            f" alert fires. The label is engaged above {thresholds.label:g}.",
        ),
        (Table(("", "score from", "leads", "share", "conversion", "lift"), tuple(rows)),),
    )


def _fields(metadata: BundleMetadata) -> Section:
    names = metadata.spec.shown_names
    shares = metadata.importance
    ranked = sorted(shares, key=lambda field: -shares[field])
    shown = dict(zip(metadata.spec.kinds, names, strict=True))
    rows = []
    for field, bins, name in zip(
        metadata.spec.fields, metadata.reference.fields, names, strict=True
    ):
        missing = bins.counts[bins.missing] / max(sum(bins.counts), 1)
        rows.append((name, str(field.kind), str(len(field.columns)), f"{missing:.1%}"))
    bars = tuple((shown[field], shares[field], f"{shares[field]:.1%}") for field in ranked)
    measured = "Importance is a field's share of what all fields add to the scores."
    return Section(
        "Fields",
        (measured if bars else "Importance was not measured.",),
        (
            *((Bars("Importance", bars),) if bars else ()),
            Table(("", "kind", "columns", "missing in training"), tuple(rows)),
        ),
    )


def _segments(metrics: Values) -> Section:
    segments = _records(metrics.get("segments"))
    if not segments:
        return Section(
            "Segments", (NOT_RECORDED if "segments" not in metrics else "None has enough leads.",)
        )
    fields = dict.fromkeys(one["field"] for one in segments)
    head = ("", "leads", "converted", "mean score", "AUC")
    parts = tuple(
        Table(
            (field, *head[1:]),
            tuple(
                (
                    one["segment"],
                    f"{one['leads']:,}",
                    f"{one['rate']:.1%}",
                    f"{one['mean_score']:.1%}",
                    _number(one["auc"], "{:.3f}"),
                )
                for one in segments
                if one["field"] == field
            ),
        )
        for field in fields
    )
    return Section(
        "Segments",
        (
            "The largest segments of the most important fields, on leads that the model has not"
            " seen. Where the mean score is far from what converted, the model treats the segment"
            " unfairly, or the segment is small.",
        ),
        parts,
    )


def _limits(metadata: BundleMetadata) -> Section:
    training = metadata.training
    leaks = _records(metadata.metrics.get("leaks"))
    sentences = [
        "A score is a probability for leads like those of the training data. It says nothing of"
        " what a call changes, and holds as long as the leads stay alike: drift is measured"
        " against the training data.",
        *(f"Warning: {warning}" for warning in training.warnings),
        *(f"Possible leak: {leak.get('column', 'a column')}" for leak in leaks),
        *personal_content(metadata),
    ]
    dropped = tuple(training.dropped.items())
    return Section(
        "Limits",
        tuple(sentences),
        (Table(("column", "not used because"), dropped),) if dropped else (),
    )


def _history(version: str, entries: Sequence[AliasEntry]) -> Section:
    own = [
        entry
        for entry in entries
        if version in (entry.was, entry.to) or (entry.number == 1 and version in _named(entry))
    ]
    if not own:
        return Section("History", ("No alias has named this version.",))
    rows = tuple(
        (f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M}", entry.summary, entry.by, entry.why)
        for entry in own
    )
    return Section("History", (), (Table(("when (UTC)", "change", "by", "why"), rows),))


def _named(entry: AliasEntry) -> Sequence[str]:
    return list(entry.aliases.values())


def _identity(bundle: Bundle) -> Section:
    metadata, training = bundle.metadata, bundle.metadata.training
    rows = [
        ("sha256", bundle.sha256),
        ("format", str(metadata.format_version)),
        ("seed", str(training.seed)),
        ("contract", str(metadata.contract.get("name", ""))),
        *((f"parameter {name}", str(value)) for name, value in training.parameters.items()),
    ]
    return Section("Identity", (), (Table(("", ""), tuple(rows)),))


def _records(found: object) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(value: object, form: str) -> str:
    return form.format(value) if isinstance(value, int | float) else "–"
