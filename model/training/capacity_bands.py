"""Bands by capacity: thresholds that give as many leads a day as people can call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.bundle import Artefacts, Bundle
from model.metadata import METADATA_KEY, BundleMetadata, Thresholds
from model.serving.onnx_format import message
from model.storage import open_folder
from model.training.bands import BandRule, choose_bands
from schemas.errors import InputError

__all__ = [
    "CapacityBands",
    "choose_capacity_bands",
    "learned_at",
    "same_trees",
    "with_capacity_bands",
]

LEAST_LEADS = 200
"""Minimum leads: of fewer, a quantile of the scores is mostly chance."""
RECORD = "capacity"
"""Key of the record of a change in the metadata's metrics."""
REFERENCE = "reference.parquet"


@dataclass(frozen=True, slots=True)
class CapacityBands:
    """Thresholds for a capacity, and how many leads a day each band had and would have.

    Attributes
    ----------
    thresholds, before
        The new thresholds, and those that the model has.
    wanted
        Leads a day of each band that has a capacity, by category.
    leads, days
        Number of leads, and of days in which they were scored.
    daily, daily_before
        Leads a day of each category, with the new thresholds and with those before.
    """

    thresholds: Thresholds
    before: Thresholds
    wanted: Mapping[str, float]
    leads: int
    days: float
    daily: Mapping[str, float]
    daily_before: Mapping[str, float]

    def is_near(self, tolerance: float) -> bool:
        """Return whether the thresholds before lead to the capacity, up to a share of it."""
        return all(
            abs(self.daily_before[band] - most) <= tolerance * most
            for band, most in self.wanted.items()
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the change, for JSON."""
        return {
            "thresholds": self.thresholds.model_dump(),
            "before": self.before.model_dump(),
            "wanted_a_day": dict(self.wanted),
            "leads": self.leads,
            "days": round(self.days, 3),
            "leads_a_day": {band: round(count, 2) for band, count in self.daily.items()},
            "leads_a_day_before": {
                band: round(count, 2) for band, count in self.daily_before.items()
            },
        }


def choose_capacity_bands(
    scores: NDArray[np.float64],
    days: float,
    high: float,
    medium: float | None,
    before: Thresholds,
) -> CapacityBands:
    """Choose thresholds that keep each band within its leads a day.

    Leads of one score are not parted, so a band may have fewer.

    Parameters
    ----------
    scores
        float64, shape (n,): one score a lead.
    days
        In which they were scored.
    high, medium
        Leads a day; without one, Medium begins where it did, or where High does.
    before
        The thresholds that the model has.

    Raises
    ------
    InputError
        There are too few leads.
    """
    if len(scores) < LEAST_LEADS or days <= 0:
        raise InputError(
            f"expected the scores of at least {LEAST_LEADS} leads by this version, there are"
            f" {len(scores):,}: give a longer time with --since, or wait"
        )
    rules = [
        BandRule("capacity", min(most * days / len(scores), 1.0), f"{most:g}/day")
        for most in (high, medium)
        if most is not None
    ]
    if medium is None:  # any rule for Medium gives High the same threshold
        alone = choose_bands(scores, _unknown(scores), rules[0], rules[0]).thresholds
        lowest = min(before.medium, alone.high)
        rules.append(BandRule("score", lowest, f"{lowest:g}"))
    found = choose_bands(scores, _unknown(scores), *rules).thresholds
    thresholds = found.model_copy(update={"label": before.label})
    return CapacityBands(
        thresholds=thresholds,
        before=before,
        wanted={"High": high} | ({} if medium is None else {"Medium": medium}),
        leads=len(scores),
        days=days,
        daily=_daily(scores, days, thresholds),
        daily_before=_daily(scores, days, before),
    )


def _unknown(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return labels: a capacity does not depend on outcomes."""
    return np.zeros(len(scores), np.bool_)


def _daily(scores: NDArray[np.float64], days: float, thresholds: Thresholds) -> Mapping[str, float]:
    high = int((scores >= thresholds.high).sum())
    at_least_medium = int((scores >= thresholds.medium).sum())
    counts = {"High": high, "Medium": at_least_medium - high, "Low": len(scores) - at_least_medium}
    return {band: count / days for band, count in counts.items()}


def with_capacity_bands(bundle: Bundle, bands: CapacityBands) -> Artefacts:
    """Return the files of a model with other thresholds: the same trees, to the byte.

    Parameters
    ----------
    bundle
        The model.
    bands
        Its new thresholds.
    """
    metrics = {k: v for k, v in bundle.metadata.metrics.items() if not k.startswith("band_")}
    metrics |= {
        f"band_{band.lower()}": {
            "leads": round(daily * bands.days),
            "share": daily * bands.days / bands.leads,
        }
        for band, daily in bands.daily.items()
    }
    metrics[RECORD] = {
        **bands.as_dict(),
        "of_version": bundle.version,
        "same_trees": [*sorted(same_trees(bundle))],
        "learned_at": learned_at(bundle),
    }
    metadata = bundle.metadata.model_copy(
        update={"thresholds": bands.thresholds, "metrics": metrics}
    )
    onnx, ubj = bundle.files.get("model.onnx"), bundle.files.get("model.ubj")
    return Artefacts(
        onnx=None if onnx is None else _with_metadata_in_onnx(onnx, metadata),
        ubj=None if ubj is None else _with_metadata_in_ubj(ubj, metadata),
        reference=open_folder(bundle.location).read(REFERENCE),
    )


def same_trees(bundle: Bundle) -> frozenset[str]:
    """Return the SHA-256 of the models that give the same scores: it, and those it came from."""
    return frozenset({bundle.sha256, *_record(bundle).get("same_trees", ())})


def learned_at(bundle: Bundle) -> float | None:
    """Return when the trees were published first, in seconds since 1970; None if unknown."""
    learned: float | None = _record(bundle).get("learned_at", bundle.published)
    return learned


def _record(bundle: Bundle) -> Mapping[str, Any]:
    found = bundle.metadata.metrics.get(RECORD)
    return found if isinstance(found, dict) else {}


def _with_metadata_in_onnx(content: bytes, metadata: BundleMetadata) -> bytes:
    model = message("Model").FromString(content)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY.encode():
            entry.value = metadata.to_json().encode()
    changed: bytes = model.SerializeToString(deterministic=True)
    return changed


def _with_metadata_in_ubj(content: bytes, metadata: BundleMetadata) -> bytes:
    import xgboost  # slow to import

    booster = xgboost.Booster(model_file=bytearray(content))
    booster.set_attr(**{METADATA_KEY: metadata.to_json()})
    return bytes(booster.save_raw("ubj"))
