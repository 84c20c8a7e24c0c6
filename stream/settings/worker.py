"""Settings: the process of a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, SecretStr

from stream.settings.base import PREFIX, Port, Seconds, SettingsGroup

__all__ = ["ROLES", "WorkerSettings"]

Role = Literal[
    "score", "drift", "all", "shadow", "archive", "rollout", "sink", "outcomes", "trainer"
]
ROLES: tuple[str, ...] = get_args(Role)
"""Every role of a worker."""


class WorkerSettings(SettingsGroup):
    """Worker: environment, role, HTTP port, logs."""

    environment: Annotated[
        Literal["production", "staging", "development", "test"], BeforeValidator(str.lower)
    ] = Field("production", validation_alias=f"{PREFIX}ENV")
    """Environment. In development and test a worker without a model gives a constant score."""

    role: Role = "score"
    """Role of a worker: score leads, monitor drift, both in one process; score with the model that
    has the alias `shadow`; archive leads; roll out canaries; write to a sink; measure the quality
    of scores by outcomes; or retrain the model."""

    stop_timeout_seconds: Seconds = 10.0
    """Time limit for a stopping worker to finish the batches in flight."""

    http_host: str = "0.0.0.0"
    """Address on which /healthz, /readyz, /metrics and /model-info listen."""

    http_port: Port = 8080
    """Port of the HTTP endpoints; 0: any free port."""

    http_port_file: Path | None = None
    """File to which the worker writes the number of its HTTP port."""

    metrics: bool = True
    """Whether metrics are recorded. Turn them off only to measure their cost."""

    log_format: Literal["auto", "json", "human"] = "auto"
    """Format of log lines: `json`; `human`; or `auto`, human on a terminal, else JSON."""

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)
    ] = "INFO"
    """Minimum level of LeadScore's log lines."""

    log_id_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    """Key of the hash (HMAC-SHA-256) of a lead's id in log lines about a single lead; without it
    these lines do not identify the lead. At least 16 characters."""

    uvloop: bool = True
    """Whether the event loop is uvloop, if that is installed."""
