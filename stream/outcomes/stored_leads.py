"""Which stores hold some leads, read beside the role that may have them open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.outcomes.partition_join import LEAD
from agents.outcomes.stored_timers import LEAD as TIMED_LEAD
from schemas.errors import FatalError
from stream.outcomes.rocks_store import load_rocksdict

__all__ = ["stores_with"]

FILE = "CURRENT"
"""A file of every store of RocksDB."""


def stores_with(folder: Path, lead_ids: Sequence[bytes]) -> Iterator[tuple[Path, list[bytes]]]:
    """Yield the stores below a folder that hold one of some leads, and which.

    A store is opened for reading only, which neither waits for the role nor hinders it.

    Parameters
    ----------
    folder
        The folder of the stores; one that does not exist has none.
    lead_ids
        The leads.

    Raises
    ------
    StartupError
        rocksdict is not installed.
    FatalError
        A store can't be read.
    """
    for store in sorted(file.parent for file in folder.glob(f"*/*/{FILE}")):
        if held := _held(store, lead_ids):
            yield store, held


def _held(store: Path, lead_ids: Sequence[bytes]) -> list[bytes]:
    rocksdict = load_rocksdict()
    try:
        opened = rocksdict.Rdict(
            str(store),
            rocksdict.Options(raw_mode=True),
            access_type=rocksdict.AccessType.read_only(False),
        )
        try:
            return [one for one in lead_ids if any(opened.get([LEAD + one, TIMED_LEAD + one]))]
        finally:
            opened.close()
    except Exception as error:  # rocksdict raises a bare Exception
        raise FatalError(
            f"expected to read the store {store}, but {error}: run the command as a user who may"
            " read the folder, or again if the role outcomes has just begun"
        ) from error
