"""Longest time for which one task blocked the event loop."""

from __future__ import annotations

__all__ = ["LongestHold"]


class LongestHold:
    """The longest blocking time that was observed recently.

    Parameters
    ----------
    seconds
        Least age at which an observation is dropped; the most is twice as long.

    Examples
    --------
    >>> longest = LongestHold(60.0)
    >>> longest.observe(0.0, 0.2)
    >>> longest.observe(70.0, 0.1)
    >>> longest.value
    0.2
    >>> longest.observe(140.0, 0.0)
    >>> longest.value
    0.1
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._current = self._previous = 0.0

    def observe(self, now: float, held: float) -> None:
        """Add an observation; both times in seconds, ``now`` of a monotonic clock."""
        if self._since is None:
            self._since = now
        if now - self._since >= self._seconds:
            self._since, self._previous, self._current = now, self._current, 0.0
        self._current = max(self._current, held)

    @property
    def value(self) -> float:
        """The longest blocking time, in seconds."""
        return max(self._previous, self._current)
