"""Which outputs are too large for their topics, and the form in which a dead letter fits."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from agents.dead_letters import DeadLetter, forms_of, smallest_form
from agents.outputs import largest_of
from agents.records import Output
from schemas.errors import FatalError
from stream.kafka.producer import record_bytes
from stream.kafka.topic_limits import TopicLimits

__all__ = ["OutputLimits"]

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds after which letters that were cut are logged again."""

OWN_BYTES = 1024
"""Most bytes of such an event beside its value and its ids, which the value has, too."""


class OutputLimits:
    """Compares outputs with the size limits of their topics.

    Parameters
    ----------
    limits
        The limits, as the broker reports them.
    scored_topic, dead_letter_topic
        The output topics.
    """

    def __init__(self, limits: TopicLimits, scored_topic: str, dead_letter_topic: str) -> None:
        self._limits = limits
        self._scored_topic = scored_topic
        self._dead_letter_topic = dead_letter_topic
        self._cut = 0
        self._logged_at = float("-inf")

    def too_large(self, outputs: Sequence[Output], *, own_headers: int) -> Sequence[int]:
        """Return the positions of the scored events that their topic does not take.

        Parameters
        ----------
        outputs
            The scored events.
        own_headers
            Number of headers of an event whose lead brings no trace.
        """
        limit = self._limits.max_bytes(self._scored_topic)
        # Exact sizes only for the few near the limit. The ids are in the value, too: hence twice.
        longest, most_headers = largest_of(outputs)
        if 2 * longest + OWN_BYTES <= limit and most_headers <= own_headers:
            return ()
        rough = [
            2 * len(value or b"")
            + OWN_BYTES
            + sum([len(given or b"") for _, given in headers[own_headers:]])
            for _, value, headers in outputs
        ]
        return [
            row
            for row, size in enumerate(rough)
            if size > limit and record_bytes(*outputs[row]) > limit
        ]

    def fitting(self, letter: DeadLetter) -> Output:
        """Return the largest form of a dead letter that its topic takes.

        Raises
        ------
        FatalError
            The topic does not take even the smallest.
        """
        topic = self._dead_letter_topic
        for form in forms_of(letter.output):
            if self._limits.fits(topic, *form):
                if form is not letter.output:
                    self._note_cut()
                return form
        raise self._too_small()

    def _note_cut(self) -> None:
        """Log that a letter was cut: the first at once, then how many, once a minute."""
        self._cut += 1
        if time.monotonic() - self._logged_at >= AGAIN:
            log.warning(
                "%d dead letters are sent without their values, as they are too large for %s: raise"
                " its max.message.bytes",
                *(self._cut, self._dead_letter_topic),
            )
            self._cut, self._logged_at = 0, time.monotonic()

    def verify(self) -> None:
        """Check that the dead-letter topic takes the smallest dead letter.

        Raises
        ------
        FatalError
            It does not.
        """
        if not self._limits.fits(self._dead_letter_topic, *smallest_form()):
            raise self._too_small()

    def _too_small(self) -> FatalError:
        topic = self._dead_letter_topic
        return FatalError(
            f"Topic {topic} was expected to take records of {record_bytes(*smallest_form())} bytes,"
            f" the smallest dead letter, but takes {self._limits.max_bytes(topic)} bytes at most:"
            " raise its max.message.bytes."
        )
