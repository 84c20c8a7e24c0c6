"""Whether outcomes come in the partitions of their leads, and why not.

A lead's outcome is joined in the partition of its score. So whoever writes outcomes must choose
the partition of a key as the one who writes leads does. Java's clients, kafkajs and aiokafka hash
keys with murmur2; librdkafka and what is built on it (confluent-kafka for Python, Go and .NET) use
CRC-32 unless ``partitioner=murmur2_random`` is set.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aiokafka.partitioner import murmur2

__all__ = ["PartitionSample", "misplacement"]

SAMPLED = 1000
"""Keys of a topic that are looked at."""
LEAST = 50
"""Fewest keys that allow a conclusion."""
AGREEMENT = 0.95
"""Share of keys in the partition of a hash from which on the hash chose it."""

HASHES: Mapping[str, Callable[[bytes], int]] = {
    "murmur2": lambda key: int(murmur2(key)) & 0x7FFFFFFF,
    "CRC-32": zlib.crc32,
}


@dataclass(slots=True)
class PartitionSample:
    """Keys of a topic: by which hash their partitions were chosen.

    Parameters
    ----------
    partitions
        Number of partitions of the topic.
    """

    partitions: int
    keys: int = 0
    without_key: int = 0
    murmur2: int = 0
    crc32: int = 0

    def add(self, partition: int, keys: Iterable[bytes | None]) -> None:
        """Look at the keys of records of a partition, until enough were seen."""
        for key in keys:
            if self.keys + self.without_key >= SAMPLED:
                return
            if not key:
                self.without_key += 1
                continue
            self.keys += 1
            self.murmur2 += HASHES["murmur2"](key) % self.partitions == partition
            self.crc32 += HASHES["CRC-32"](key) % self.partitions == partition

    @property
    def is_enough(self) -> bool:
        """Whether the keys say something."""
        return self.partitions > 1 and self.keys + self.without_key >= LEAST

    @property
    def hash(self) -> str | None:
        """The hash by which partitions were chosen; None: another one, or no key."""
        if self.without_key > (1 - AGREEMENT) * (self.keys + self.without_key):
            return None
        if self.murmur2 >= AGREEMENT * self.keys:
            return "murmur2"
        return "CRC-32" if self.crc32 >= AGREEMENT * self.keys else None


def misplacement(
    scores: PartitionSample, outcomes: PartitionSample, leads_topic: str, outcomes_topic: str
) -> str | None:
    """Return why outcomes don't come in the partitions of their leads, and what to do.

    Parameters
    ----------
    scores, outcomes
        Keys of both topics. Scores are in the partitions of their leads.
    leads_topic, outcomes_topic
        Their names, for the sentence.

    Returns
    -------
    str or None
        None: they do, or too little is known.
    """
    if scores.partitions != outcomes.partitions:
        return (
            f"expected {outcomes_topic} to have as many partitions as {leads_topic}, it has"
            f" {outcomes.partitions} instead of {scores.partitions}: add partitions"
        )
    if not (scores.is_enough and outcomes.is_enough):
        return None
    expected = (
        f"expected the outcomes of {outcomes_topic} in the partitions of their leads, so that they"
        " can be joined, but"
    )
    if outcomes.without_key > LEAST:
        return f"{expected} they have no key: send lead_id as the record's key"
    if scores.hash == outcomes.hash:  # also where both choose by a rule that is not known here
        return None
    for sample, other, name in (
        (scores, outcomes, leads_topic),
        (outcomes, scores, outcomes_topic),
    ):
        if (sample.hash, other.hash) == ("CRC-32", "murmur2"):
            return (
                f"{expected} the client that writes {name} chooses partitions by CRC-32, the"
                " default of librdkafka, and the other one by murmur2: set"
                " `partitioner=murmur2_random` in it"
            )
    return (
        f"{expected} {leads_topic} has them by {scores.hash or 'an unknown rule'} and"
        f" {outcomes_topic} by {outcomes.hash or 'an unknown rule'}: use the same partitioner of"
        " the key lead_id in both clients"
    )
