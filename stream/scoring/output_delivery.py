"""Delivery of a batch's outputs to Kafka: scored events, dead letters, and refused ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from agents.batch_scorer import BatchScorer
from agents.dead_letters import DeadLetter
from agents.rules import is_too_large
from agents.scored_batch import ScoredBatch
from stream.consume.partition_progress import Batch
from stream.deliver.delivery import Delivery
from stream.deliver.sending import RecordsTooLargeError
from stream.scoring.output_limits import OutputLimits

__all__ = ["OutputDelivery", "SentOutputs"]


@dataclass(frozen=True, slots=True)
class SentOutputs:
    """The outputs of a batch that were sent and may not be delivered yet.

    Attributes
    ----------
    batch
        The batch.
    outcome
        Its scored events and dead letters.
    scored, dead
        Complete when the scored events, and the dead letters, are delivered.
    """

    batch: Batch
    outcome: ScoredBatch
    scored: Sequence[asyncio.Future[None]]
    dead: Sequence[asyncio.Future[None]]


class OutputDelivery:
    """Sends the outputs of scored batches and awaits their delivery.

    Parameters
    ----------
    delivery
        Delivers outputs at least once, or exactly once.
    scored_topic, dead_letter_topic
        The output topics; outputs keep the partition number of their source.

    Attributes
    ----------
    limits
        Which outputs are too large.
    """

    def __init__(self, delivery: Delivery, scored_topic: str, dead_letter_topic: str) -> None:
        self._delivery = delivery
        self._scored_topic = scored_topic
        self._dead_letter_topic = dead_letter_topic
        self.limits = OutputLimits(delivery.limits, scored_topic, dead_letter_topic)

    async def send(self, batch: Batch, outcome: ScoredBatch) -> SentOutputs | None:
        """Send the outputs of a batch.

        Returns
        -------
        SentOutputs or None
            None if another worker owns the partition by now: drop the batch.
        """
        if not await self._delivery.admit(batch):
            return None
        scored = await self._delivery.send(self._scored_topic, batch, outcome.scored)
        dead = await self._send_dead(batch, outcome.dead_letters)
        return SentOutputs(batch, outcome, scored, dead)

    async def delivered(self, sent: SentOutputs, scorer: BatchScorer) -> ScoredBatch:
        """Await the delivery of a batch's outputs.

        Parameters
        ----------
        sent
            The outputs.
        scorer
            Makes dead letters of scored events that the broker refuses as too large.

        Returns
        -------
        ScoredBatch
            What was delivered in the end.

        Raises
        ------
        PartitionLostError
            Another worker owns the partition: drop the batch.
        FatalError
            The outputs could not be delivered.
        """
        batch, outcome, letters = sent.batch, sent.outcome, sent.outcome.dead_letters
        refused = await self._refused(sent.scored)
        if refused:
            outcome = self._replace_by_dead_letters(scorer, batch, outcome, refused)
            replacing = outcome.dead_letters[len(letters) :]
            await self._settle(batch, replacing, await self._send_dead(batch, replacing))
        await self._settle(batch, letters, sent.dead)
        return outcome

    def done(self, batch: Batch) -> None:
        """Mark a batch as done: all its outputs are delivered."""
        self._delivery.done(batch)

    async def _send_dead(
        self, batch: Batch, letters: Sequence[DeadLetter]
    ) -> Sequence[asyncio.Future[None]]:
        if not letters:
            return ()
        rows = [self.limits.fitting(letter) for letter in letters]
        return await self._delivery.send(self._dead_letter_topic, batch, rows)

    async def _settle(
        self, batch: Batch, letters: Sequence[DeadLetter], deliveries: Sequence[Awaitable[None]]
    ) -> None:
        """Await dead letters; send those refused as too large in a smaller form."""
        refused = [letters[row] for row in await self._refused(deliveries)]
        while refused:  # each refusal lowers the limit
            sent = await self._send_dead(batch, refused)
            refused = [refused[row] for row in await self._refused(sent)]

    @staticmethod
    async def _refused(deliveries: Sequence[Awaitable[None]]) -> list[int]:
        """Await deliveries; return the rows that the broker refused as too large."""
        refused: list[int] = []
        for delivery in deliveries:
            try:
                await delivery
            except RecordsTooLargeError as error:
                refused += error.positions
        return refused

    @staticmethod
    def _replace_by_dead_letters(
        scorer: BatchScorer, batch: Batch, outcome: ScoredBatch, refused: Sequence[int]
    ) -> ScoredBatch:
        """Return the outcome with dead letters in place of the refused scored events."""
        letters = [
            scorer.dead_letter(batch.records[position], position, is_too_large())
            for position in (outcome.positions[row] for row in refused)
        ]
        return outcome.without(set(refused), letters)
