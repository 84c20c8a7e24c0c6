"""Where a key is searched first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.explanation.partitions import likely_partitions


@given(st.binary(max_size=40), st.integers(1, 60))
def test_every_partition_is_searched_once(key: bytes, count: int) -> None:
    found = likely_partitions(key, count)
    assert sorted(found) == list(range(count))


def test_the_partition_of_kafka_s_own_partitioner_is_first() -> None:
    """The hashes are those of the Java client's own test, Utils.murmur2 (UtilsTest.java)."""
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, murmur2 in hashes.items():
        assert likely_partitions(key, 100)[0] == (murmur2 & 0x7FFFFFFF) % 100


def test_the_partition_of_librdkafka_is_second() -> None:
    assert likely_partitions(b"123456789", 1000)[1] == 0xCBF43926 % 1000, "CRC-32's check value"
