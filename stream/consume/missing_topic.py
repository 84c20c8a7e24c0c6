"""Notice that the topic which is read does not exist any more."""

from __future__ import annotations

from schemas.errors import FatalError
from stream.process.deadlines import now

__all__ = ["MissingTopic"]


class MissingTopic:
    """Measures for how long the broker has not known a topic.

    Parameters
    ----------
    topic
        The topic.
    limit
        Seconds for which it may be missing.
    """

    def __init__(self, topic: str, limit: float) -> None:
        self._topic = topic
        self._limit = limit
        self._since: float | None = None

    def look(self, *, is_known: bool) -> None:
        """Note whether the broker knows the topic now.

        Raises
        ------
        FatalError
            It has been missing for longer than the limit.
        """
        if is_known:
            self._since = None
        elif self._since is None:
            self._since = now()
        elif now() - self._since > self._limit:
            raise FatalError(
                f"Topic {self._topic} was expected, but the broker has not known it for "
                f"{self._limit:.0f} s: create it with `leadscore topics create`."
            )
