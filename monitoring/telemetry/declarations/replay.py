"""Metrics of replays."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = ["REPLAY_OFFSETS", "REPLAY_REMAINING", "REPLAY_YIELDS"]

REPLAY_OFFSETS = Declaration(
    "leadscore_replay_offsets",
    "gauge",
    "offsets",
    ("outcome",),
    "Offsets of the replay's ranges by their result: scored, dead_lettered, filtered,"
    " dropped, expired, gaps.",
    "replay",
)
REPLAY_REMAINING = Declaration(
    "leadscore_replay_remaining_offsets",
    "gauge",
    "offsets",
    (),
    "Offsets of the replay's ranges that are not done.",
    "replay",
)
REPLAY_YIELDS = Declaration(
    "leadscore_replay_yields",
    "gauge",
    "1",
    (),
    "1 while the replay is slowed down because the workers are behind, else 0.",
    "replay",
)
