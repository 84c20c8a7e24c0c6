"""Liveness and readiness of a worker: plain state that other parts update.

Alive means that a restart would not help: the event loop runs, and a source with work makes
progress. Ready means that the worker can score a lead now. Callers pass in the time, in seconds of
a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

__all__ = ["Condition", "Health"]

LOSSES_SHOWN = 3600.0
"""Seconds for which /readyz lists a loss."""
MOST_LOSSES = 50
"""Most losses that are listed, the latest ones."""


class Condition(StrEnum):
    """Condition of readiness."""

    MODEL_LOADED = "model_loaded"
    """A verified model is loaded, or in development the constant one."""
    PARTITIONS_ASSIGNED = "partitions_assigned"
    """The consumer group has assigned partitions to this worker (possibly none)."""
    PARTITIONS_MOVE = "partitions_move"
    """Each assigned partition makes progress or is idle."""
    RECOVERED = "recovered"
    """Tables are recovered from their changelogs."""
    ARCHIVE_HAS_ROOM = "archive_has_room"
    """The disk of the archive has room for more leads."""
    TARGET_REACHED = "target_reached"
    """The target of a sink answered the last attempt to write."""
    BROKER_REACHED = "broker_reached"
    """Kafka answered the last probe."""


_AT_START: dict[Condition, str | None] = {
    Condition.MODEL_LOADED: "no model has been loaded yet",
    Condition.PARTITIONS_ASSIGNED: "the consumer group has not assigned partitions yet",
    Condition.PARTITIONS_MOVE: None,
    Condition.RECOVERED: "tables have not been recovered yet",
    Condition.ARCHIVE_HAS_ROOM: None,
    Condition.TARGET_REACHED: "the target has not answered yet",
    Condition.BROKER_REACHED: "Kafka has not answered yet",
}


class Health:
    """The health of a worker.

    Parameters
    ----------
    now
        Time of the start, in seconds.
    conditions
        The conditions that this worker's roles need; unmet at first, but for PARTITIONS_MOVE and
        ARCHIVE_HAS_ROOM.
    heartbeat_limit
        Longest time in seconds between two heartbeats of the event loop.
    stall_limit
        Longest time in seconds that a source with work may finish no batch.

    Examples
    --------
    >>> health = Health(0.0, conditions=[Condition.MODEL_LOADED])
    >>> health.ready()[0]
    False
    >>> health.meet(Condition.MODEL_LOADED)
    >>> health.ready()
    (True, {'ready': True, 'conditions': {'model_loaded': {'met': True}}})
    """

    def __init__(
        self,
        now: float,
        *,
        conditions: Iterable[Condition] = tuple(Condition),
        heartbeat_limit: float = 10.0,
        stall_limit: float = 120.0,
    ) -> None:
        self._reasons: dict[Condition, str | None] = {
            condition: _AT_START[condition] for condition in conditions
        }
        self._heartbeat_limit = heartbeat_limit
        self._stall_limit = stall_limit
        self._last_heartbeat = now
        self._last_progress = now
        self._finished: int | None = None
        self._losses: deque[tuple[float, Mapping[str, Any]]] = deque(maxlen=MOST_LOSSES)

    def meet(self, condition: Condition) -> None:
        """Mark a condition as met; a condition that this worker does not need is ignored."""
        if condition in self._reasons:
            self._reasons[condition] = None

    def miss(self, condition: Condition, reason: str) -> None:
        """Mark a condition as not met, with the reason; one that is not needed is ignored."""
        if condition in self._reasons:
            self._reasons[condition] = reason

    def meets(self, condition: Condition) -> bool:
        """Return whether a condition is met or not needed."""
        return self._reasons.get(condition) is None

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return whether every condition is met, with the reason for each that is not."""
        is_ready = not any(self._reasons.values())
        conditions = {
            condition.value: {"met": True} if reason is None else {"met": False, "reason": reason}
            for condition, reason in self._reasons.items()
        }
        return is_ready, {"ready": is_ready, "conditions": conditions}

    def add_loss(self, now: float, detail: Mapping[str, Any]) -> None:
        """Add a loss of unread records to the list; the worker stays ready."""
        self._losses.append((now, detail))

    def losses(self, now: float) -> list[dict[str, Any]]:
        """Return the losses of the last hour, oldest first, each with its age in seconds."""
        return [
            {**detail, "age_seconds": round(now - at, 3)}
            for at, detail in self._losses
            if now - at <= LOSSES_SHOWN
        ]

    def heartbeat(self, now: float) -> None:
        """Record that the event loop runs."""
        self._last_heartbeat = now

    def source_seen(self, now: float, *, finished: int, has_work: bool) -> None:
        """Record the progress of the source; to be called regularly.

        Parameters
        ----------
        now
            Time of the observation.
        finished
            A number that changes with every batch that is done.
        has_work
            Whether there are unfinished records, in flight or in the topic.
        """
        if not has_work or finished != self._finished or self._waits_for_others():
            self._last_progress = now
        self._finished = finished

    def alive(self, now: float) -> tuple[bool, dict[str, Any]]:
        """Return whether the worker is alive, with both ages in seconds and the reasons if not.

        While Kafka or the target of a sink is unreachable nothing can make progress and a restart
        would not help, so the source is not checked then. Nor is it where there is none: only some
        roles have one (``source_seen``).
        """
        heartbeat_age = now - self._last_heartbeat
        progress_age = now - self._last_progress
        reasons = []
        if heartbeat_age > self._heartbeat_limit:
            reasons.append(
                f"the event loop has been blocked for {heartbeat_age:.1f} s "
                f"(limit {self._heartbeat_limit:g} s)"
            )
        has_source = self._finished is not None
        if has_source and progress_age > self._stall_limit and not self._waits_for_others():
            reasons.append(
                f"the source has work but has finished no batch for {progress_age:.1f} s "
                f"(limit {self._stall_limit:g} s)"
            )
        return not reasons, {
            "alive": not reasons,
            "heartbeat_age_seconds": round(heartbeat_age, 3),
            "progress_age_seconds": round(progress_age, 3),
            "reasons": reasons,
        }

    def _waits_for_others(self) -> bool:
        return not (self.meets(Condition.BROKER_REACHED) and self.meets(Condition.TARGET_REACHED))
