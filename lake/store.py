"""Files of a data set in any store that fsspec reaches, and what shows that one has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import fsspec

from schemas.errors import InputError, StartupError
from schemas.urls import mask_url

__all__ = ["is_on_disk", "open_store", "reaching", "refuse_secrets", "version_of"]

ON_DISK = ("file", "local")
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs"}
"""Packages of stores, by the protocol of a URL."""
VERSIONS = ("ETag", "etag", "generation", "version_id", "mtime", "LastModified", "created")
"""Keys under which stores say which version of a file there is, the most exact first."""


def open_store(location: str) -> tuple[Any, str]:
    """Return the file system of a path or URL, and the path in it.

    Credentials and endpoints come from the environment, as each store's package documents it.

    Raises
    ------
    InputError
        The URL has a password or token, or no package for its protocol is installed.
    """
    refuse_secrets(location)
    protocol = location.partition("://")[0] if "://" in location else "file"
    try:
        files, path = fsspec.url_to_fs(location, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        package = PACKAGES.get(protocol)
        remedy = "pip install 'leadscore[s3]'" if package == "s3fs" else f"pip install {package}"
        raise InputError(
            f"{location}: expected a store that fsspec knows, and its package installed"
            f" ({error}): {remedy if package else 'correct the URL, or install the package'}"
        ) from None
    return files, path


def refuse_secrets(location: str) -> None:
    """Refuse a URL with a password or token: the plan of a backfill stores it, readable for all.

    Raises
    ------
    InputError
        It has one.
    """
    masked = mask_url(location)
    if masked != location:
        raise InputError(
            f"expected a URL without a password or token, not {masked}: the plan of the backfill"
            " stores it. Give credentials by the environment, as the store's package documents it"
            " (docs/lake.md)"
        )


def is_on_disk(files: Any) -> bool:
    """Return whether a file system is the machine's own."""
    protocol = files.protocol
    return any(name in ON_DISK for name in ([protocol] if isinstance(protocol, str) else protocol))


def version_of(info: Mapping[str, Any]) -> str:
    """Return what changes when a file does, from what a store says of it."""
    found = next((info[key] for key in VERSIONS if info.get(key) is not None), "")
    # Some stores give a time as a number in a listing, and as an object for a single file.
    return str(found.timestamp()) if isinstance(found, datetime) else str(found)


@contextmanager
def reaching(location: str) -> Iterator[None]:
    """Raise StartupError for every failure of a store, InputError for a file that is missing."""
    try:
        yield
    except (InputError, StartupError):
        raise
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        why = error.strerror or type(error).__name__
        raise InputError(
            f"expected to read or write {location}, but: {why}. Check its name and permissions."
        ) from None
    except Exception as error:  # each store raises classes of its own
        reason = next(iter(str(error).strip().splitlines()), "")
        raise StartupError(
            f"{location} can't be read or written ({type(error).__name__}: {reason}). Check the"
            " location, the credentials and the network, and run the command again: it continues"
            " where it was."
        ) from error
