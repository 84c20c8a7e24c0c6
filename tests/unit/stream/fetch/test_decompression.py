"""Streaming decompression: what was compressed comes out, in chunks of bounded size."""

from __future__ import annotations

import random
from typing import Any

import cramjam
import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from hypothesis import given
from hypothesis import strategies as st

from stream.fetch.decompression import (
    CHUNK_BYTES,
    SNAPPY_WINDOW,
    Codec,
    DecompressionError,
    decompress,
)


def twice(encode: Any) -> Any:
    """Compress the halves: members, frames, that follow each other."""

    def encode_halves(data: bytes) -> bytes:
        half = len(data) // 2
        return bytes(encode(data[:half]) + encode(data[half:]))

    return encode_halves


ENCODERS = {
    "none": (Codec.NONE, bytes),
    "gzip": (Codec.GZIP, gzip_encode),
    "gzip, two members": (Codec.GZIP, twice(gzip_encode)),
    "snappy, raw": (Codec.SNAPPY, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "snappy, xerial": (Codec.SNAPPY, snappy_encode),
    "snappy, large blocks": (
        Codec.SNAPPY,
        lambda data: snappy_encode(data, xerial_blocksize=1 << 21),
    ),
    "lz4": (Codec.LZ4, lz4_encode),
    "lz4, linked blocks": (Codec.LZ4, lambda data: bytes(cramjam.lz4.compress(data))),
    "zstd": (Codec.ZSTD, zstd_encode),
    "zstd, two frames": (Codec.ZSTD, twice(zstd_encode)),
}


def sample(size: int) -> bytes:
    """Make runs, noise and repeats from far back."""
    chance = random.Random(size)
    made = bytearray(b"begin")
    while len(made) < size:
        made += chance.randbytes(chance.randint(1, 3000))
        made += bytes([chance.randrange(256)]) * chance.randint(1, 50_000)
        start = chance.randrange(len(made))
        made += made[start : start + chance.randint(1, 5000)]
    return bytes(made[:size])


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [0, 1, 100, CHUNK_BYTES, CHUNK_BYTES + 1, 2_000_000])
def test_compressed_data_comes_out_in_chunks(name: str, size: int) -> None:
    codec, encode = ENCODERS[name]
    data = sample(size)
    chunks = list(decompress(codec, memoryview(encode(data))))
    assert b"".join(chunks) == data
    assert max(map(len, chunks), default=0) <= CHUNK_BYTES + SNAPPY_WINDOW


@given(st.sampled_from([*ENCODERS]), st.data())
def test_damaged_data_is_one_kind_of_error(name: str, data: st.DataObject) -> None:
    codec, encode = ENCODERS[name]
    damaged = bytearray(encode(sample(CHUNK_BYTES + 100)))
    at = data.draw(st.integers(0, len(damaged) - 1))
    if data.draw(st.booleans()):
        del damaged[at:]
    else:
        damaged[at] ^= data.draw(st.integers(1, 255))
    done = 0
    try:
        for chunk in decompress(codec, memoryview(damaged)):
            done += len(chunk)
    except DecompressionError:
        pass
    assert done <= 64 * len(damaged) + CHUNK_BYTES or codec is not Codec.SNAPPY


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "none"])
def test_data_that_ends_too_early_is_an_error(name: str) -> None:
    codec, encode = ENCODERS[name]
    whole = encode(sample(1000))
    with pytest.raises(DecompressionError):
        list(decompress(codec, memoryview(whole[: len(whole) * 2 // 3])))


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\xff\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\x0f",
        bytes.fromhex("80801000") + b"x" * 20_000,  # a literal, then copies of nothing
        bytes.fromhex("80801001ff") + bytes(20_000),
    ],
)
def test_a_snappy_block_that_lies_is_an_error(block: bytes) -> None:
    with pytest.raises(DecompressionError):
        list(decompress(Codec.SNAPPY, memoryview(block)))
