"""Texts and tables of a snapshot that LeadScore makes: verdict, figures, fields, correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring.drift.assessment import Assessment
from monitoring.drift.correlations import CorrelationChange
from monitoring.drift.diagnosis import ADVICE
from monitoring.drift.field_drift import FieldDrift
from monitoring.lead_sample import Subject
from schemas.display import for_page

__all__ = ["correlation_rows", "excess_psi", "field_rows", "key_figures", "verdict_text"]

UNKNOWN = "-"
MOST_PAIRS = 10
"""Pairs of fields in the table of correlations."""


def verdict_text(subject: Subject, assessment: Assessment) -> str:
    """Return title, number of leads and diagnosis as Markdown."""
    diagnosis = assessment.diagnosis
    return (
        f"# {subject.title}\n\n"
        f"{_sampled(assessment.leads, subject.found)}, compared with the training data.\n\n"
        f"**{diagnosis.replace('_', ' ')}**: {ADVICE[diagnosis].sentence}"
    )


def key_figures(assessment: Assessment) -> dict[str, str]:
    """Return the key figures by label; "-" for one that is not known."""
    return {
        "drifted fields": _share(assessment.drifted_share),
        "weighted by importance": _share(assessment.weighted_share),
        "prediction drift": _decision(assessment.is_prediction_drift),
        "mean score": _share(assessment.engagement),
        "coverage": _share(assessment.coverage),
    }


def field_rows(assessment: Assessment) -> list[dict[str, str]]:
    """Return a row for the score, then one for each field, in descending order of drift."""
    fields = sorted(assessment.fields[:-1], key=lambda it: excess_psi(it) or 0.0, reverse=True)
    return [_row(field) for field in (assessment.score, *fields)]


def correlation_rows(changes: Sequence[CorrelationChange]) -> list[dict[str, str]]:
    """Return a row for each of the first ten pairs of fields."""
    return [_pair(change) for change in changes[:MOST_PAIRS]]


def excess_psi(field: FieldDrift) -> float | None:
    """Return a field's PSI minus its noise, at least 0; None if it is not known."""
    if field.psi is None or field.psi_noise is None:
        return None
    return max(field.psi - field.psi_noise, 0.0)


def _pair(change: CorrelationChange) -> dict[str, str]:
    return {
        "field": for_page(change.field),
        "other field": for_page(change.other),
        "changed": _decision(change.is_changed),
        "training": f"{change.before:+.2f}",
        "now": f"{change.now:+.2f}",
        "difference": f"{change.now - change.before:+.2f}",
        "leads": f"{change.leads:,}",
        "p (adjusted)": _p_value(change.p_adjusted),
    }


def _sampled(leads: int, found: int) -> str:
    """Return how many leads were compared, and of how many they were drawn."""
    if leads == found:
        return f"All {found:,} leads"
    return f"A random sample of {leads:,} of {found:,} leads"


def _row(field: FieldDrift) -> dict[str, str]:
    tests: Mapping[str, str] = {"ks": "KS", "chi2": "chi²"}
    return {
        "field": field.name,
        "state": str(field.state).replace("_", " "),
        "drifted": _decision(field.is_drifted),
        "PSI": _number(field.psi),
        "PSI noise": _number(field.psi_noise),
        "KL": _number(field.kl),
        "JS": _number(field.js),
        "test": tests[field.test],
        "p (adjusted)": _p_value(field.p_value if field.is_score else field.p_adjusted),
        "missing": _change(field.missing_reference, field.missing),
        "unseen": _change(field.unseen_reference, field.unseen),
    }


def _decision(is_so: bool | None) -> str:
    if is_so is None:
        return UNKNOWN
    return "yes" if is_so else "no"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1%}"


def _p_value(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"


def _change(before: float | None, now: float | None) -> str:
    return UNKNOWN if before is None or now is None else f"{before:.1%} → {now:.1%}"
