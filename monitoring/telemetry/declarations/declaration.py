"""The declaration of a metric: its name in queries, type, unit, labels and meaning."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Declaration", "MetricType", "Shower"]

MetricType = Literal["counter", "gauge", "histogram", "info"]
# fmt: off
Shower = Literal[
    "score",
    "drift",
    "quality",
    "archive",
    "rollout",
    "sink",
    "outcomes",
    "trainer",
    "snapshot",
    "replay",
    "lag",
    "rest",
    "hooks",
]
# fmt: on
"""Process that exposes a metric: a worker by its role, the snapshot job, a replay, the exporters of
lag and quality (``leadscore lag --port``, ``leadscore quality --port``), the REST server
(``leadscore serve``), which also exposes those of the model, or the receiver of webhooks
(``leadscore hooks``)."""


class Declaration(NamedTuple):
    """Declaration of a metric."""

    name: str
    """Name in Prometheus: counters end in ``_total``, infos in ``_info``."""
    type: MetricType
    unit: str
    """Unit of the value; ``1`` for a state, or for an info, which is always 1."""
    labels: tuple[str, ...]
    sentence: str
    shown_by: Shower = "score"
