"""Streaming decompression of record batches, in bounded memory. Plain Python, no Kafka.

A batch of 1 MB may expand to 2 GB, which would exhaust the memory of a client that decompresses it
at once. Here at most a chunk of the output and the codec's window are in memory at a time.

Sources: Kafka's protocol guide, "Record Batch"; RFC 1952 (gzip); RFC 8878 (Zstandard); the LZ4
frame format; google/snappy, ``format_description.txt``; xerial/snappy-java, ``SnappyCodec``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, Protocol

import cramjam
from backports import zstd
from lz4.frame import LZ4FrameDecompressor

__all__ = ["CHUNK_BYTES", "Codec", "DecompressionError", "decompress"]

CHUNK_BYTES = 1 << 18
"""Most bytes of a chunk of output."""

PIECE_BYTES = 1 << 14
"""Bytes of input per call of a codec, which may copy them."""

XERIAL_HEADER = b"\x82SNAPPY\x00"
XERIAL_HEADER_BYTES = 16
"""The magic, a version and a compatible version."""

SNAPPY_WINDOW = 1 << 16
"""Largest offset of a copy element: compressors work on blocks of this size."""

SNAPPY_RATIO = 64
"""Upper bound of the expansion: a copy of 64 bytes takes two or three."""


class Codec(IntEnum):
    """The compression of a batch, as its attributes say."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class DecompressionError(ValueError):
    """Invalid compressed data."""


class _Decompressor(Protocol):
    """Common interface of the zstd and lz4 decompressors, as in the standard library's bz2."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no more output without more input."""

    @property
    def unused_data(self) -> bytes | None:
        """Bytes after the end of the frame."""

    def decompress(self, data: Any, max_length: int = -1) -> bytes:
        """Return more bytes, up to the given number."""


def decompress(codec: Codec, data: memoryview) -> Iterator[bytes]:
    """Decompress the records of a batch.

    Parameters
    ----------
    codec
        Their compression.
    data
        All records, as they are on the wire.

    Yields
    ------
    bytes
        The next part, of at most ``CHUNK_BYTES`` bytes.

    Raises
    ------
    DecompressionError
        The data is damaged or truncated; the chunks before are valid as far as the codec can check.
    """
    try:
        yield from _DECOMPRESSORS[codec](data)
    except (
        zlib.error,
        zstd.ZstdError,
        RuntimeError,
        EOFError,
        cramjam.DecompressionError,
    ) as error:
        raise DecompressionError(f"{codec.name.lower()}: {error}") from error


def _plain(data: memoryview) -> Iterator[bytes]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield bytes(data[start : start + CHUNK_BYTES])


def _gzip(data: memoryview) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            piece = data[start : start + PIECE_BYTES]
            start += len(piece)
            yield member.decompress(piece, CHUNK_BYTES)
            while member.unconsumed_tail:
                yield member.decompress(member.unconsumed_tail, CHUNK_BYTES)
            if not piece:
                yield member.flush()  # the rest of the output, a few kB
                break
        if not member.eof:
            raise DecompressionError("gzip: the data ends within a member")
        start -= len(member.unused_data)


def _framed(make: Callable[[], _Decompressor], data: memoryview) -> Iterator[bytes]:
    """Decompress concatenated frames."""
    start = 0
    while start < len(data):
        frame = make()
        while not frame.eof:
            piece: memoryview | bytes = b""
            if frame.needs_input:
                piece = data[start : start + PIECE_BYTES]
                start += len(piece)
                if not piece:
                    raise DecompressionError("the data ends within a frame")
            yield frame.decompress(piece, CHUNK_BYTES)
        start -= len(frame.unused_data or b"")


def _lz4(data: memoryview) -> Iterator[bytes]:
    return _framed(LZ4FrameDecompressor, data)


def _zstd(data: memoryview) -> Iterator[bytes]:
    return _framed(zstd.ZstdDecompressor, data)


def _snappy(data: memoryview) -> Iterator[bytes]:
    """Decompress one raw block, as librdkafka writes it, or xerial's blocks, as Java does."""
    if data[: len(XERIAL_HEADER)] != XERIAL_HEADER:
        yield from _snappy_block(data)
        return
    start = XERIAL_HEADER_BYTES
    while start < len(data):
        if start + 4 > len(data):
            raise DecompressionError("snappy: the data ends within a block's length")
        (length,) = struct.unpack_from(">i", data, start)
        start += 4
        if not 0 <= length <= len(data) - start:
            raise DecompressionError(f"snappy: a block of {length} bytes is not there")
        yield from _snappy_block(data[start : start + length])
        start += length


def _snappy_block(block: memoryview) -> Iterator[bytes]:
    length, start = _snappy_length(block)
    if length > SNAPPY_RATIO * len(block):
        raise DecompressionError(f"snappy: {len(block)} bytes can't stand for {length}")
    if length <= CHUNK_BYTES:
        yield bytes(cramjam.snappy.decompress_raw(block))
    else:
        yield from _snappy_elements(block, start, length)


def _snappy_length(block: memoryview) -> tuple[int, int]:
    """Return the decompressed size of a block, and the start of its elements."""
    length = 0
    for position, byte in enumerate(block[:5]):
        length |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return length, position + 1
    raise DecompressionError("snappy: the data begins with no length")


def _snappy_elements(block: memoryview, start: int, length: int) -> Iterator[bytes]:
    """Decompress a large block element by element."""
    output, done = bytearray(), 0
    while start < len(block):
        tag = block[start]
        start += 1
        if tag & 3 == 0:
            size = (tag >> 2) + 1
            if size > 60:
                extra = size - 60
                size = _little_endian(block, start, extra) + 1
                start += extra
            if size > len(block) - start:
                raise DecompressionError("snappy: the data ends within a literal")
            for at in range(start, start + size, CHUNK_BYTES):
                output += block[at : min(at + CHUNK_BYTES, start + size)]
                if len(output) > CHUNK_BYTES:
                    yield _without_window(output)
            start += size
            done += size
            continue
        if tag & 3 == 1:
            size = (tag >> 2 & 7) + 4
            offset = tag >> 5 << 8 | _little_endian(block, start, 1)
            start += 1
        else:
            size = (tag >> 2) + 1
            width = 2 if tag & 3 == 2 else 4
            offset = _little_endian(block, start, width)
            start += width
        if not 0 < offset <= min(len(output), SNAPPY_WINDOW):
            raise DecompressionError(f"snappy: a copy reaches back by {offset} bytes")
        run = output[-offset:] if size >= offset else output[-offset : size - offset]
        output += (run * (size // offset + 1))[:size]
        done += size
        if len(output) > CHUNK_BYTES + SNAPPY_WINDOW:
            yield _without_window(output)
    if done != length:
        raise DecompressionError(f"snappy: expected {length} bytes, got {done}")
    yield bytes(output)


def _without_window(output: bytearray) -> bytes:
    """Remove and return the output before the window that copies may refer to."""
    ready = bytes(output[:-SNAPPY_WINDOW])
    del output[:-SNAPPY_WINDOW]
    return ready


def _little_endian(block: memoryview, start: int, width: int) -> int:
    if start + width > len(block):
        raise DecompressionError("snappy: the data ends within an element")
    return int.from_bytes(block[start : start + width], "little")


_DECOMPRESSORS: dict[Codec, Callable[[memoryview], Iterator[bytes]]] = {
    Codec.NONE: _plain,
    Codec.GZIP: _gzip,
    Codec.SNAPPY: _snappy,
    Codec.LZ4: _lz4,
    Codec.ZSTD: _zstd,
}
