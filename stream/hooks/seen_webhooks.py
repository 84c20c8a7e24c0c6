"""Ids of webhooks that Kafka has, so that a repeated one is not written again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

__all__ = ["MOST_IDS", "SeenWebhooks"]

MOST_IDS = 100_000
"""Ids that are kept, about 100 bytes each."""


class SeenWebhooks:
    """Remembers the latest ids, in this process only.

    Parameters
    ----------
    most
        Number of ids that are kept.
    """

    def __init__(self, most: int = MOST_IDS) -> None:
        self._most = most
        self._ids: OrderedDict[tuple[str, str], None] = OrderedDict()

    def has(self, source: str, webhook_id: str) -> bool:
        """Return whether a webhook was written; one without an id never was."""
        return (source, webhook_id) in self._ids

    def add(self, source: str, webhook_ids: Iterable[str]) -> None:
        """Remember webhooks that Kafka has acknowledged."""
        for webhook_id in webhook_ids:
            if webhook_id:
                self._ids[source, webhook_id] = None
                self._ids.move_to_end((source, webhook_id))
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)
