"""The bytes of a batch's records, decompressed on demand, and the varints in them.

Source: Kafka's protocol guide, "Record": lengths are zigzag varints, as in Protocol Buffers.
"""

from __future__ import annotations

from collections.abc import Iterator

from aiokafka.errors import CorruptRecordException

__all__ = ["VARINT_BYTES", "DecompressedBytes", "encoded_varint"]

VARINT_BYTES = 10
"""Most bytes of a varint of 64 bits."""


def encoded_varint(number: int) -> bytes:
    """Write a zigzag varint."""
    rest, written = number << 1 if number >= 0 else (-number << 1) - 1, bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


class DecompressedBytes:
    """Decompresses no more than is read next, and keeps nothing that was read.

    Parameters
    ----------
    chunks
        All bytes, in order.

    Attributes
    ----------
    buffer
        The next bytes, as far as they are decompressed.
    taken
        Number of bytes consumed so far.
    is_all
        Whether the buffer holds all remaining bytes.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.buffer = bytearray()
        self.taken = 0
        self.is_all = False
        self._chunks = chunks

    def fill(self, size: int) -> None:
        """Decompress until the buffer has the given number of bytes, or all remaining ones."""
        while len(self.buffer) < size and not self.is_all:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.is_all = True
            else:
                self.buffer += chunk

    def take(self, size: int) -> bytes:
        """Return the next bytes, exactly the given number."""
        self.fill(size)
        if not 0 <= size <= len(self.buffer):
            raise CorruptRecordException(f"expected {size} more bytes of a record, got fewer")
        with memoryview(self.buffer) as view:
            found = bytes(view[:size])
        del self.buffer[:size]
        self.taken += size
        return found

    def skip(self, size: int) -> None:
        """Discard the next bytes in small pieces."""
        while size > 0:
            self.fill(1)
            if not self.buffer:
                raise CorruptRecordException(f"expected {size} more bytes of a record, got none")
            passed = min(size, len(self.buffer))
            del self.buffer[:passed]
            self.taken += passed
            size -= passed

    def varint(self) -> int:
        """Read a zigzag varint."""
        number = shift = 0
        while shift < 7 * VARINT_BYTES:
            (byte,) = self.take(1)
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number >> 1 ^ -(number & 1)
        raise CorruptRecordException(f"expected a number of at most {VARINT_BYTES} bytes, got more")
