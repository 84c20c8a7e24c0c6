"""Aliases: the roles that a version of a model can have."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import InputError

__all__ = ["ACTED_ON", "Alias", "require_effect"]


class Alias(StrEnum):
    """Role of a version; each alias of a model names one version at most.

    The last two have no effect: older registries have them, and they can't be set any more.
    """

    PRODUCTION = "production"
    STAGING = "staging"
    SHADOW = "shadow"
    CANARY = "canary"
    ARCHIVED = "archived"


ACTED_ON = (Alias.PRODUCTION, Alias.STAGING, Alias.SHADOW)
"""Aliases that have an effect."""


def require_effect(alias: Alias) -> None:
    """Check that an alias has an effect.

    Raises
    ------
    InputError
        It has none, so it can't be set.
    """
    if alias not in ACTED_ON:
        remedy = (
            "To retire a version, use `leadscore models archive`."
            if alias is Alias.ARCHIVED
            else "To score with a version beside the one in production, give it the alias shadow"
            " and start `leadscore worker --role shadow`."
        )
        raise InputError(
            f"An alias to set should be one of {', '.join(ACTED_ON)}; nothing acts on"
            f" {str(alias)!r}, so setting it would change nothing. {remedy}"
        )
