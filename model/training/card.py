"""Sentences for a model's card: what its bundle holds of persons."""

from __future__ import annotations

from features.field_spec import CategoryField, DateField, NumberField, TextField
from model.metadata import BundleMetadata
from schemas.display import counted

__all__ = ["personal_content"]


def personal_content(metadata: BundleMetadata) -> tuple[str, ...]:
    """Return sentences on what the bundle holds of the training leads.

    Parameters
    ----------
    metadata
        Metadata of the model. Before ``least_leads`` was written into it, bundles kept whole leads.
    """
    least = metadata.training.least_leads
    kept = (
        _sample(least),
        _levels(metadata, least),
        _texts(metadata, least),
        _numbers(metadata),
        _target(metadata),
        _segments(metadata),
    )
    return tuple(sentence for sentence in kept if sentence)


def _sample(least: int) -> str:
    if least:
        return (
            "reference.parquet: of at most 10,000 leads the numbers, lengths of texts, bins and"
            " scores; no text, no level in words, no id, no time."
        )
    return (
        "reference.parquet: up to 10,000 whole leads, texts and addresses as they came. Train the"
        " model again for a bundle without them, and delete this one."
    )


def _levels(metadata: BundleMetadata, least: int) -> str:
    fields = [f for f in metadata.spec.fields if isinstance(f, CategoryField) and f.levels]
    if not fields:
        return ""
    listed = ", ".join(f"{field.name} ({len(field.levels):,})" for field in fields)
    if not least:
        return f"Levels in words, however rare: {listed}."
    withheld = sum(column.withheld for column in metadata.training.columns)
    return (
        f"Levels in words, each of at least {least} leads and none that looks like an address, a"
        f" phone number or a personal page: {listed}. Not kept: {counted(withheld, 'level')}. Names"
        f" that {least} or more leads have (of salespeople, say) are among them: leave such a"
        " column out by --exclude."
    )


def _texts(metadata: BundleMetadata, least: int) -> str:
    fields = [field for field in metadata.spec.fields if isinstance(field, TextField)]
    if not fields:
        return ""
    listed = ", ".join(f"{field.name} ({', '.join(field.keywords) or 'none'})" for field in fields)
    sentence = f"Keywords of texts: {listed}."
    if not least or not any(field.keywords for field in fields):
        return sentence
    return (
        f"{sentence} Names that many leads' texts have may be among them, where neither a capital"
        " letter nor a form of address marks them: leave such a column out by --exclude."
    )


def _numbers(metadata: BundleMetadata) -> str:
    numbers = sum(isinstance(field, NumberField) for field in metadata.spec.fields)
    dates = sum(isinstance(field, DateField) for field in metadata.spec.fields)
    reference = metadata.reference
    exact = sum(len(bins.exact) for bins in (*reference.fields, *reference.aspects))
    return (
        f"Golden rows: the features of {len(metadata.golden.rows)} leads as numbers. Quantiles and"
        f" extremes of {counted(numbers, 'number field')}, the earliest and the latest time of"
        f" {counted(dates, 'date field')}: values of single leads, without what else is known of"
        f" them. Numbers that many leads share, exactly: {exact:,}."
    )


def _segments(metadata: BundleMetadata) -> str:
    segments = metadata.metrics.get("segments")
    if not isinstance(segments, list) or not segments:
        return ""
    return (
        f"Conversion and mean score of {len(segments)} segments, each of at least 30 leads, by kept"
        " levels and ranges."
    )


def _target(metadata: BundleMetadata) -> str:
    labels = metadata.training.labels
    if labels is None:
        return ""
    values = len({*labels.success, *labels.failure, *labels.ignored})
    return (
        f"Values of the target {metadata.training.target}, as they are written, and their numbers"
        f" of rows: {values:,}."
    )
