"""Models that keep unchanged training leads: of earlier versions, and with their data set."""

from __future__ import annotations

from dataclasses import dataclass

from model.bundle import describe_bundle
from model.metadata import BundleError
from model.registry import Registry
from stream.process.model_trial import Trials
from stream.retraining.data_set import FILE

__all__ = ["OldBundle", "find_old_bundles"]


@dataclass(frozen=True, slots=True)
class OldBundle:
    """A version of a model that may hold leads.

    Attributes
    ----------
    name
        The model and its version, such as ``leads/3``.
    is_readable
        Whether its metadata can be read; else nobody knows what it holds.
    has_data_set
        Whether what it keeps is the data set of its retraining, beside the bundle.
    """

    name: str
    is_readable: bool
    has_data_set: bool = False


def find_old_bundles(registry: str) -> list[OldBundle]:
    """Return the models of a registry that keep whole training leads, or can't be read."""
    try:
        models = Registry(registry)
        versions = [(name, version) for name in models.names() for version in models.versions(name)]
    except BundleError:  # for example, a store that can't be reached
        return [OldBundle(registry, is_readable=False)]
    found = []
    for name, version in versions:
        shown = f"{name}/{version}"
        try:
            metadata = describe_bundle(models.resolve(shown), Trials()).metadata
        except BundleError:
            found.append(OldBundle(shown, is_readable=False))
            continue
        if not metadata.training.least_leads:
            found.append(OldBundle(shown, is_readable=True))
        if models.holds(name, version, FILE):
            found.append(OldBundle(shown, is_readable=True, has_data_set=True))
    return found
