"""The value of a record that was too large to be read."""

from __future__ import annotations

__all__ = ["LeftOutValue"]


class LeftOutValue(bytes):
    """Empty bytes with the length of a value that was not read into memory.

    It takes the place of a record's value; the decoder sees a value that is too large.

    Parameters
    ----------
    size
        Length of the value in bytes; of the whole record if its key or headers are too large.

    Examples
    --------
    >>> value = LeftOutValue(300_000_000)
    >>> len(value), value[:10]
    (300000000, b'')
    """

    _size: int

    def __new__(cls, size: int) -> LeftOutValue:
        """Return an instance of a size."""
        value = super().__new__(cls)
        value._size = size
        return value

    def __len__(self) -> int:
        return self._size
