"""Settings of the scoring parts, from those of the worker and its role."""

from __future__ import annotations

from stream.settings import Settings

__all__ = ["scoring_settings"]


def scoring_settings(settings: Settings) -> Settings:
    """Return the settings for the parts that score.

    A shadow is a scoring worker under other names: what it writes, the group it joins and the model
    it follows are its own, and it counts nothing for drift. The parts have no other settings, so
    they cannot write to a topic of the workers, or commit for their group.
    """
    if settings.role != "shadow":
        return settings
    return settings.model_copy(
        update={
            "group_id": settings.shadow_group,
            "model": settings.shadow_model,
            "leads_scored": settings.leads_scored_shadow,
            "leads_created_dlq": settings.leads_scored_shadow_dlq,
            "drift": False,
        }
    )
