"""Role trainer: requests in; plans, accounts and models out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mode import Service

from monitoring.telemetry.retrain_metrics import RetrainMetrics
from stream.kafka.access import Use
from stream.monitor import Monitor
from stream.process.loop_watch import LoopWatch
from stream.retraining.plan_log import RetrainLog
from stream.retraining.service import RetrainService
from stream.retraining.trainer_work import TrainerWork
from stream.roles.faust_agents import follow_assignment, owns, raw_topic, read_events

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["wire"]


def wire(app: App, monitor: Monitor) -> Sequence[Service]:
    """Wire the role to the app: the agent ``retrain``.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start.
    """
    settings = app.settings
    training = RetrainService(
        settings,
        is_owner=lambda: owns(app, settings.leads_retrain),
        plans=RetrainLog(settings, Use.TRAIN),
        work=TrainerWork(settings),
        metrics=RetrainMetrics(monitor.registry),
        health=monitor.health,
        crash=app.crash,
    )
    read_events(app, raw_topic(app, settings.leads_retrain), training.accept, name="retrain")
    follow_assignment(app, revoked=training.revoked, assigned=training.assigned)
    return training, LoopWatch()
