"""Location of an archive that is read: a folder on a disk, or in an object store."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from lake.store import is_on_disk, open_store, reaching
from schemas.errors import InputError
from stream.archive.files import ArchiveFile, files_in, partition_folder, partitions_in

__all__ = ["ArchiveLocation", "location_of_plan"]


class ArchiveLocation:
    """The folder of an archive, as a reader sees it.

    Credentials and endpoints of a store come from the environment, as its package documents them.

    Parameters
    ----------
    location
        Path or URL of the folder.

    Raises
    ------
    InputError
        No package for the protocol of the URL is installed.
    """

    def __init__(self, location: str | Path) -> None:
        self._location = str(location)
        self._store, root = open_store(self._location)
        self._root = Path(root)

    def partitions(self, topic: str) -> list[int]:
        """Return the partitions of a topic that have a folder, ascending.

        Raises
        ------
        InputError
            The archive has no such topic.
        StartupError
            The store can't be reached.
        """
        try:
            return partitions_in(self._names(self._root / topic))
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"expected an archive of {topic} in {self._location}, but there is no such folder:"
                " give the folder that LEADSCORE_ARCHIVE names, or a copy of it, and the topic with"
                " --topic"
            ) from None

    def files(self, topic: str, partition: int) -> list[ArchiveFile]:
        """Return the complete files of a partition, by their ranges; none if there is no folder.

        Raises
        ------
        InputError
            Two files have offsets in common, or a name contradicts itself.
        StartupError
            The store can't be reached.
        """
        folder = partition_folder(self._root, topic, partition)
        try:
            return files_in(folder, self._names(folder))
        except FileNotFoundError:
            return []

    def url(self, file: ArchiveFile) -> str:
        """Return the path of a file on a disk, or its URL in a store."""
        path = file.path.as_posix()
        return path if is_on_disk(self._store) else str(self._store.unstrip_protocol(path))

    def _names(self, folder: Path) -> Sequence[str]:
        """Return the names in a folder.

        Raises
        ------
        FileNotFoundError, NotADirectoryError
            There is no such folder.
        InputError, StartupError
            It can't be read.
        """
        missing: OSError | None = None
        found: Sequence[str] = ()
        with reaching(self._location):
            try:
                found = self._store.ls(folder.as_posix(), detail=False)
            except (FileNotFoundError, NotADirectoryError) as error:
                missing = error
        if missing is not None:
            raise missing
        return [posixpath.basename(name.rstrip("/")) for name in found]


def location_of_plan(given: str) -> str:
    """Return the location of an archive as a plan keeps it: a URL, or an absolute path.

    Raises
    ------
    InputError
        The URL has a password, which a plan must not keep.

    Examples
    --------
    >>> location_of_plan("s3://bucket/archive")
    's3://bucket/archive'
    """
    if "://" not in given:
        return str(Path(given).resolve())
    if urlsplit(given).password is not None:
        raise InputError(
            "expected --archive without a password, as the plan of a replay keeps the URL: give"
            " credentials in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return given
