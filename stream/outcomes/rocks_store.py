"""The local store of a partition's join: RocksDB, by the package rocksdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import StartupError
from stream.process.writable_folder import make_writable
from stream.settings import PREFIX

__all__ = ["RocksStore", "load_rocksdict", "verify_store"]

BUFFER_BYTES = 8 << 20
"""Size of a memory table, of which there are up to two; the rest is on disk."""
CACHE_BYTES = 8 << 20
"""Blocks of files in memory. Their indexes and filters, three bytes for each lead, are in memory
besides: in the cache they would displace one another, and a read take twice as long."""
BLOOM_BITS = 10
OPEN_FILES = 64
LOG_FILES = 1


def load_rocksdict() -> Any:
    """Return the package rocksdict.

    Raises
    ------
    StartupError
        It is not installed.
    """
    try:
        import rocksdict
    except ImportError:
        raise StartupError(
            "expected the package rocksdict for the role outcomes, but it is not installed: install"
            " leadscore[outcomes]"
        ) from None
    return rocksdict


def verify_store(folder: Path | None) -> None:
    """Make the folder of the stores if it is missing, and check that it can be written.

    Raises
    ------
    StartupError
        It can't, or rocksdict is not installed.
    """
    assert folder is not None, "the settings require it for the role"
    load_rocksdict()
    make_writable(folder, "the stores in", f"{PREFIX}OUTCOME_STORE")


class RocksStore:
    """A store on disk; see ``agents.outcomes.store.OutcomeStore``.

    Parameters
    ----------
    folder
        Where it is; made if it is missing.

    Raises
    ------
    BlockingIOError
        Another process has it open.
    OSError
        The folder can't be written, or its files are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._rocksdict = load_rocksdict()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._rocksdict.Rdict(str(folder), self._options())
        except Exception as error:  # rocksdict raises a bare Exception
            if "lock" in str(error).lower():
                raise BlockingIOError(f"{folder} is open in another process") from error
            raise OSError(f"the store {folder} can't be opened: {error}") from error
        self._db.set_read_options(self._rocksdict.ReadOptions())

    def _options(self) -> Any:
        options = self._rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(BUFFER_BYTES)
        options.set_max_open_files(OPEN_FILES)
        options.set_keep_log_file_num(LOG_FILES)
        blocks = self._rocksdict.BlockBasedOptions()
        blocks.set_block_cache(self._rocksdict.Cache(CACHE_BYTES))
        blocks.set_bloom_filter(BLOOM_BITS, False)
        options.set_block_based_table_factory(blocks)
        return options

    def get(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return the value of each key."""
        found: Sequence[bytes | None] = self._db.get(list(keys)) if keys else []
        return found

    def write(self, puts: Mapping[bytes, bytes], deletes: Collection[bytes]) -> None:
        """Delete keys, then put values, in one write batch: all of it, or nothing."""
        batch = self._rocksdict.WriteBatch(raw_mode=True)
        for key in deletes:
            batch.delete(key)
        for key, value in puts.items():
            batch.put(key, value)
        self._db.write(batch)

    def scan(self, start: bytes, stop: bytes, most: int) -> Sequence[tuple[bytes, bytes]]:
        """Return keys and values of a range, ascending."""
        found: list[tuple[bytes, bytes]] = []
        cursor = self._db.iter()
        cursor.seek(start)
        while len(found) < most and cursor.valid():
            key = cursor.key()
            if key >= stop:
                break
            found.append((key, cursor.value()))
            cursor.next()
        return found

    def close(self) -> None:
        """Write what is in memory, and release the folder."""
        self._db.close()
