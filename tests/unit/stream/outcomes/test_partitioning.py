"""The partitioner of the outcomes is compared with that of the leads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stream.outcomes.partitioning import HASHES, PartitionSample, misplacement

KEYS = [b"lead-%d" % number for number in range(200)]


def sample(choose: Callable[[bytes], int], partitions: int = 4) -> PartitionSample:
    found = PartitionSample(partitions)
    for key in KEYS:
        found.add(choose(key) % partitions, [key])
    return found


MURMUR2, CRC32 = sample(HASHES["murmur2"]), sample(HASHES["CRC-32"])
OTHER = sample(len)


def test_hashes_are_those_of_the_clients() -> None:
    """Values of Kafka's own tests (UtilsTest.java), and of the CRC-32 check."""
    assert HASHES["murmur2"](b"21") == -973932308 & 0x7FFFFFFF
    assert HASHES["murmur2"](b"foobar") == -790332482 & 0x7FFFFFFF
    assert HASHES["CRC-32"](b"123456789") == 0xCBF43926


def test_the_hash_is_recognised() -> None:
    assert (MURMUR2.hash, CRC32.hash, OTHER.hash) == ("murmur2", "CRC-32", None)


@pytest.mark.parametrize(
    ("scores", "outcomes", "words"),
    [
        (MURMUR2, CRC32, "writes leads.outcomes chooses partitions by CRC-32"),
        (CRC32, MURMUR2, "writes leads.created chooses partitions by CRC-32"),
        (MURMUR2, OTHER, "leads.outcomes by an unknown rule"),
        (OTHER, MURMUR2, "leads.created has them by an unknown rule"),
        (MURMUR2, PartitionSample(4, without_key=200), "they have no key"),
        (MURMUR2, PartitionSample(3), "3 instead of 4: add partitions"),
    ],
)
def test_the_sentence_says_what_to_set(
    scores: PartitionSample, outcomes: PartitionSample, words: str
) -> None:
    found = misplacement(scores, outcomes, "leads.created", "leads.outcomes")
    assert found is not None
    assert words in found


@pytest.mark.parametrize(
    ("scores", "outcomes"),
    [
        (MURMUR2, MURMUR2),
        (CRC32, CRC32),
        (OTHER, OTHER),
        (MURMUR2, PartitionSample(4, keys=10, crc32=10)),
        (sample(HASHES["murmur2"], 1), sample(HASHES["CRC-32"], 1)),
    ],
)
def test_nothing_is_said_where_they_agree_or_too_little_is_known(
    scores: PartitionSample, outcomes: PartitionSample
) -> None:
    assert misplacement(scores, outcomes, "leads", "outcomes") is None


def test_only_the_first_keys_are_looked_at() -> None:
    found = PartitionSample(4)
    found.add(0, KEYS * 20)
    assert found.keys == 1000
