"""The value of a record that was too large to be read."""

from __future__ import annotations

__all__ = ["LeftOutValue"]


class LeftOutValue(bytes):
    """No bytes, but the length of those that were not read into memory.

    It stands where a record's value stands: to the decoder it is a value that is too large.

    Parameters
    ----------
    size
        Bytes of the value; of the whole record where its key or headers are what is too large.

    Examples
    --------
    >>> value = LeftOutValue(300_000_000)
    >>> len(value), value[:10]
    (300000000, b'')
    """

    _size: int

    def __new__(cls, size: int) -> LeftOutValue:
        """Create the value."""
        value = super().__new__(cls)
        value._size = size
        return value

    def __len__(self) -> int:
        return self._size
