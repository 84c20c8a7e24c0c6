"""Whether workers load a model as soon as it is published."""

from __future__ import annotations

from model.chance import require_signal
from model.metadata import BundleMetadata
from model.registry import Alias, Registry

__all__ = ["require_signal_to_publish"]


def require_signal_to_publish(registry: Registry, name: str, metadata: BundleMetadata) -> None:
    """Refuse a model that is no better than chance where it would serve once it is published.

    Without the alias production, workers that follow a model's name load its newest version.

    Raises
    ------
    NoSignalError
        It ranks no better than chance, and no version has the alias production.
    """
    if Alias.PRODUCTION in registry.aliases(name):
        return
    require_signal(
        metadata,
        f"As no version of {name} has the alias production, workers whose model is {name} would"
        " load it",
    )
