"""Aliases: the roles that a version of a model can have."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import InputError

__all__ = ["ACTED_ON", "Alias", "require_effect"]


class Alias(StrEnum):
    """Role of a version; each alias of a model names one version at most.

    The canary is set with a plan (``model/rollout_plan.py``) and has no effect without one.
    Archived has none: older registries have it, and it can't be set any more.
    """

    PRODUCTION = "production"
    STAGING = "staging"
    SHADOW = "shadow"
    CANARY = "canary"
    ARCHIVED = "archived"


REMEDIES = {
    Alias.CANARY: "To give a version a share of the leads, use `leadscore models canary start`.",
    Alias.ARCHIVED: "To retire a version, use `leadscore models archive`.",
}
ACTED_ON = (Alias.PRODUCTION, Alias.STAGING, Alias.SHADOW)
"""Aliases that can be set without a plan."""


def require_effect(alias: Alias) -> None:
    """Check that an alias has an effect.

    Raises
    ------
    InputError
        It has none of its own, so it can't be set.
    """
    if alias not in ACTED_ON:
        raise InputError(
            f"An alias to set should be one of {', '.join(ACTED_ON)}; nothing acts on"
            f" {str(alias)!r} alone, so setting it would change nothing. {REMEDIES[alias]}"
        )
