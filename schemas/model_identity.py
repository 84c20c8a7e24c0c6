"""Which model it is: as events, commits, drift counts and metrics name it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModelIdentity"]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """A model.

    Attributes
    ----------
    id, version
        Its name and version in the registry.
    sha256
        The hash of its file, in hex: what makes it this model.
    """

    id: str
    version: str
    sha256: str
