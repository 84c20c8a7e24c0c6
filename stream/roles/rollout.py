"""Role rollout: outputs of the workers in, changes of aliases out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mode import Service

from agents.rollout.triggers import Trigger
from model.registry import followed_model
from monitoring.telemetry.rollout_metrics import RolloutMetrics
from stream.monitor import Monitor
from stream.roles.faust_agents import follow_assignment, owns, raw_topic
from stream.rollout.change_log import ChangeLog
from stream.rollout.outputs import OutputTail
from stream.rollout.service import RolloutService
from stream.scoring.kafka_clients import KafkaClients

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["wire"]


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app: the agent ``rollout``.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    settings = app.settings
    model = followed_model(settings.model)
    assert model is not None, "the settings require it for the role"
    kafka = KafkaClients(settings)
    emitter = kafka.emitter([settings.leads_models])
    log_reader = kafka.committed_output_log()
    service = RolloutService(
        model,
        settings,
        tail=OutputTail(settings, log_reader, kafka.topic_ids, app.schemas),
        changes=ChangeLog(model, settings.leads_models, emitter, log_reader),
        emitter=emitter,
        metrics=RolloutMetrics(monitor.registry, [*Trigger]),
        health=monitor.health,
        is_ours=lambda: owns(app, settings.leads_models),
        crash=app.crash,
    )

    @app.agent(raw_topic(app, settings.leads_models), name="rollout")
    async def rollout(stream: Any) -> None:
        async for _ in stream:
            pass  # its partition makes one process of the group the active one

    follow_assignment(app, revoked=service.revoked, assigned=service.assigned)
    return (service,)
