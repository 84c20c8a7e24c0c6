"""The history of a model's aliases: numbered files that are created exclusively, never replaced."""

from __future__ import annotations

import re

from model.alias_entry import AliasEntry, fold
from model.metadata import BundleIncompleteError
from model.storage import Folder
from schemas.errors import FatalError

__all__ = ["HISTORY", "AliasConflictError", "AliasHistory"]

HISTORY = "history"
"""Folder of the entries, in the folder of a model."""
LATEST = "latest"
"""File with the number of an entry: where reading begins, so that no poll lists the folder."""
LARGEST_ENTRY = 2**16
FILE = re.compile(r"([0-9]{8})\.json")


class AliasConflictError(FatalError):
    """Somebody else changed the aliases of a model at the same time."""


class AliasHistory:
    """The entries of a model's history.

    Reading the last one takes three small reads, whatever the number of entries: the file
    ``latest``, the entry that it names, and an attempt to read the next one. ``latest`` may be
    behind, never ahead.

    Parameters
    ----------
    model
        The folder of the model.
    """

    def __init__(self, model: Folder) -> None:
        self._folder = model / HISTORY

    def last(self) -> AliasEntry | None:
        """Return the last entry; None if there is none.

        Raises
        ------
        BundleIncompleteError
            It, or one that it follows, is missing, damaged or only half copied.
        """
        number = self._latest()
        if number is None:
            number = self._counted()
        content = self._read(number) if number else None
        if number and content is None:
            raise self._missing(number)
        while (following := self._read(number + 1)) is not None:
            number, content = number + 1, following
        return None if content is None else self._entry(number, content)

    def entries(self) -> tuple[AliasEntry, ...]:
        """Return all entries, the oldest first, and check that each follows from the one before.

        Raises
        ------
        BundleIncompleteError
            One is missing, damaged, replaced or only half copied.
        """
        count = max(self._counted(), self._latest() or 0)
        found = []
        for number in range(1, count + 1):
            content = self._read(number)
            if content is None:
                raise self._missing(number)
            found.append(self._entry(number, content))
        fold(found)
        return tuple(found)

    def append(self, entry: AliasEntry) -> None:
        """Add an entry, unless another one has its number.

        Raises
        ------
        AliasConflictError
            Another one has.
        """
        file = _file(entry.number)
        if not self._folder.create(file, entry.to_bytes()):
            raise self._conflict(entry.number)
        self._folder.write(LATEST, f"{entry.number}\n".encode())

    def _latest(self) -> int | None:
        """Return the number in ``latest``; None if there is none that can be read."""
        written = self._folder.read(LATEST, 16) or b""
        return int(written) if re.fullmatch(rb"[1-9][0-9]{0,7}\n", written) else None

    def _counted(self) -> int:
        """Return the number of entries by a listing, and check that none between is missing."""
        listed = {int(found[1]) for name in self._folder.files() if (found := FILE.fullmatch(name))}
        count = max(listed, default=0)
        for number in range(1, count + 1):
            # A listing may lack a file that was created while it was made.
            if number not in listed and not self._folder.holds(_file(number)):
                raise self._missing(number)
        return count

    def _read(self, number: int) -> bytes | None:
        return self._folder.read(_file(number), LARGEST_ENTRY)

    def _entry(self, number: int, content: bytes) -> AliasEntry:
        file = f"{self._folder.location}/{_file(number)}"
        entry = AliasEntry.from_bytes(content, file)
        if entry.number != number:
            raise BundleIncompleteError(
                f"{file} should have entry {number}, but it has {entry.number}: give the file its"
                " name again, or copy the history again."
            )
        return entry

    def _missing(self, number: int) -> BundleIncompleteError:
        return BundleIncompleteError(
            f"{self._folder.location} should have entry {number} of the history, but it does not:"
            " if nobody is copying the registry just now, copy the history again."
        )

    def _conflict(self, number: int) -> AliasConflictError:
        last = self.last()
        change = "" if last is None or last.number < number else f" (by {last.by}: {last.summary})"
        return AliasConflictError(
            f"The aliases were expected to stay as they were since this change began, but somebody"
            f" else changed them{change}. Nothing was written: see `leadscore models history`, and"
            " run the command again if it is still meant."
        )


def _file(number: int) -> str:
    return f"{number:08}.json"
