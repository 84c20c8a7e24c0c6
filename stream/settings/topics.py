"""Settings: names of topics and groups."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stream.settings.base import Name, SettingsGroup, Topic, named

__all__ = ["CHANGELOG", "TopicSettings"]

CHANGELOG = "-drift_windows-changelog"
"""End of the name of the changelog topic of the drift agent's table."""


class TopicSettings(SettingsGroup):
    """Topics, and the consumer group of the workers."""

    topic_prefix: Name = ""
    """Prefix of the default names of the topics and of the group, such as `staging.`; names that
    are set get no prefix."""

    leads_created: Topic = named("leads.created")
    """Topic of the leads to score."""

    leads_scored: Topic = named("leads.scored")
    """Topic of the scored leads."""

    leads_created_dlq: Topic = Field(
        default_factory=lambda validated: f"{validated.get('leads_created', 'leads.created')}.dlq"
    )
    """Topic of the dead letters: leads that can't be scored, with the reason. Default: the leads
    topic with `.dlq` appended."""

    leads_redrives: Topic = named("leads.redrives")
    """Topic of the re-drives of dead letters: plan, progress and account of each."""

    leads_sinks_dlq: Topic = named("leads.sinks.dlq")
    """Topic of the dead letters of sinks: records that a target refuses, with the reason."""

    leads_scored_shadow: Topic = named("leads.scored.shadow")
    """Topic of the shadow's scores for the same leads."""

    leads_scored_shadow_dlq: Topic = Field(
        default_factory=lambda validated: (
            f"{validated.get('leads_scored_shadow', 'leads.scored.shadow')}.dlq"
        )
    )
    """Topic of the leads that the shadow can't score. Default: the topic of its scores with `.dlq`
    appended."""

    leads_outcomes: Topic = named("leads.outcomes")
    """Topic of the leads' outcomes."""

    leads_outcomes_dlq: Topic = Field(
        default_factory=lambda validated: f"{validated.get('leads_outcomes', 'leads.outcomes')}.dlq"
    )
    """Topic of the dead letters of outcomes: records that are no outcome, with the reason. Default:
    the topic of outcomes with `.dlq` appended."""

    leads_models: Topic = named("leads.models")
    """Topic of the changes of models' aliases."""

    leads_quality: Topic = named("leads.quality")
    """Topic of the reports on the quality of scores, measured by outcomes."""

    leads_overdue: Topic = named("leads.overdue")
    """Topic of the leads that nobody contacted in time."""

    leads_retrain: Topic = named("leads.retrain")
    """Topic of the requests to retrain the model."""

    leads_retrains: Topic = named("leads.retrains")
    """Topic of the plans of retrainings, and of their ends with the account."""

    leads_drift_partials: Topic = named("leads.drift.partials")
    """Topic of the counts of blocks of leads, from which drift is measured."""

    leads_drift: Topic = named("leads.drift")
    """Topic of the drift reports."""

    leads_replays: Topic = named("leads.replays")
    """Topic of the plans of replays, and of their ends."""

    group_id: Annotated[str, Field(min_length=1)] = named("leadscore")
    """Consumer group of the workers. The drift role's group and changelog are named after it."""

    @property
    def drift_changelog(self) -> str:
        """Name of the changelog topic of the drift agent's table, as Faust derives it."""
        return f"{self.group_id}{CHANGELOG}"
