"""Remembers the scores of leads for some minutes, by their content and the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from cachetools import TTLCache

from schemas.headers import EventIds
from stream.rest.leads import SOURCE, RestLead

__all__ = ["PredictionCache"]


class PredictionCache:
    """Scored events of leads that were scored lately.

    An entry is found by the lead's fields without its ids. A lead that comes without ``created_at``
    may get a score that is as old as the cache keeps it, also from a model that reads the time.

    Parameters
    ----------
    seconds
        How long a score is kept; 0: not at all.
    most
        Entries at most; the oldest go first.
    on_look
        Called with whether a look-up found something.
    clock
        A monotonic clock, in seconds.
    """

    def __init__(
        self,
        seconds: float,
        most: int,
        on_look: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._on_look = on_look
        self._events: TTLCache[tuple[str, bytes], Mapping[str, Any]] = TTLCache(
            most, max(seconds, 1e-9), timer=clock
        )

    def find(self, lead: RestLead, model_sha256: str, given: Mapping[str, Any]) -> Any | None:
        """Return the scored event of a lead, with its own ids; None if it is not there.

        Parameters
        ----------
        lead
            The lead.
        model_sha256
            The model that scores now.
        given
            The fields that differ between leads of the same content: ``lead_id``, ``request_id``
            and ``created_at``.
        """
        if not self._seconds:
            return None
        event = self._events.get((model_sha256, lead.content))
        self._on_look(event is not None)
        if event is None:
            return None
        [event_id] = EventIds(SOURCE, model_sha256).of([lead.partition], [lead.offset])
        source = {**event["source"], "offset": lead.offset}
        return {**event, **given, "event_id": event_id.decode(), "source": source}

    def keep(self, lead: RestLead, event: Mapping[str, Any]) -> None:
        """Keep the scored event of a lead."""
        if self._seconds:
            self._events[event["model_sha256"], lead.content] = event
