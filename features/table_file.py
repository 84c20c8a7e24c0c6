"""Read a table of leads from a file: CSV of any usual separator and encoding, JSON, Parquet."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.column import Column
from features.column_name import field_name
from features.csv_file import read_csv
from features.json_file import JsonLead, is_json, json_leads, read_json
from features.parquet_file import arrow_columns, read_parquet
from features.table import Table
from features.text_encoding import decode_text
from schemas.errors import InputError

__all__ = ["arrow_table", "find_json", "parse_table", "read_file", "read_table"]

UNNAMED = "column_1"
"""The first column where it has no name: what a data frame's index is written as."""
LARGEST_RATIO = 100
"""Maximum ratio of a table's bytes to its compressed bytes: real leads have 3 to 20."""
ALWAYS_UNPACKED = 2**26
"""Bytes that are unpacked whatever the ratio."""
GZIP, PARQUET, ZIP, OLE = b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""First bytes of such files; OLE is that of Excel's older workbooks."""
MARKUP = re.compile(r"\s*<(?:!doctype|\?xml|html|table|workbook|body|meta|div)\b", re.IGNORECASE)
ZIP_HEAD = 65_536
"""Bytes at both ends in which the names of a zip file's parts are looked for."""


def read_table(path: str | Path, encoding: str | None = None) -> Table:
    """Read a table from a file.

    CSV (separated by commas, semicolons, tabs or bars, the names in the first line), JSON (lines or
    an array of objects), either compressed by gzip, or Parquet; the content shows the format.

    Parameters
    ----------
    path
        The file.
    encoding
        Encoding of a CSV or JSON; None to detect it.

    Raises
    ------
    InputError
        There is no such file, it can't be read, or it is not a table; the message says what to do.
    """
    return parse_table(read_file(path), str(path), encoding)


def read_file(path: str | Path) -> bytes:
    """Read the content of a file.

    Raises
    ------
    InputError
        There is no such file, or it can't be read.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder. Expected a file: CSV, JSON or Parquet.")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}. Check its name and folder.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None


def find_json(content: bytes, source: str, encoding: str | None = None) -> list[JsonLead] | None:
    """Return the objects of a file of JSON as they stand there; None where it is another file.

    Parameters
    ----------
    content, source, encoding
        As of ``parse_table``.

    Raises
    ------
    InputError
        It is JSON, but neither lines of objects nor an array of objects.
    """
    if content.startswith(GZIP):
        content = _unpacked(content, source)
    if not content or content.startswith((PARQUET, ZIP, OLE)):
        return None
    text = decode_text(content, source, encoding).text
    return json_leads(text, source) if is_json(text) else None


def parse_table(content: bytes, source: str, encoding: str | None = None) -> Table:
    """Read a table from the content of a file; see ``read_table``."""
    if not content:
        raise InputError(f"{source} is empty. Expected names in the first line and a line a lead.")
    sha256 = hashlib.sha256(content).hexdigest()
    if content.startswith(GZIP):
        content = _unpacked(content, source)
    columns: Mapping[str, Column]
    unusable: Mapping[str, str] = {}
    found, left_out = None, 0
    if content.startswith(PARQUET):
        columns, unusable = read_parquet(content, source)
    elif content.startswith((ZIP, OLE)):
        raise InputError(_no_text(content, source))
    else:
        found = decode_text(content, source, encoding)
        _check_no_markup(found.text, source)
        if is_json(found.text):
            columns, unusable = read_json(found.text, source)
        else:
            columns, left_out = read_csv(found.text, source)
    originals = _originals(columns, source)
    return Table(
        columns={name: columns[original] for name, original in originals.items()},
        originals={name: original or name for name, original in originals.items()},
        rows=len(next(iter(columns.values()))),
        sha256=sha256,
        source=source,
        unusable=unusable,
        encoding=None if found is None else found.encoding,
        encoding_guessed=found is not None and found.is_guessed,
        encodings=() if found is None else found.alternatives,
        left_out=left_out,
    )


def arrow_table(data: Any, source: str) -> Table:
    """Read a table from a ``pyarrow.Table``, which may have no rows.

    Parameters
    ----------
    data
        The data.
    source
        What to call it in messages.

    Returns
    -------
    Table
        Without an identity: its ``sha256`` is empty.

    Raises
    ------
    InputError
        Two columns have the same name as fields, or none can be used.
    """
    columns, unusable = arrow_columns(data, source)
    originals = _originals(columns, source)
    return Table(
        columns={name: columns[original] for name, original in originals.items()},
        originals={name: original or name for name, original in originals.items()},
        rows=data.num_rows,
        sha256="",
        source=source,
        unusable=unusable,
    )


def _check_no_markup(text: str, source: str) -> None:
    """Refuse a page of HTML or XML, which exports of CRMs named .xls often are."""
    if MARKUP.match(text):
        raise InputError(
            f"{source} is HTML or XML, whatever its name says. Expected CSV, JSON or Parquet:"
            " export it as CSV, or open it in a spreadsheet and save it as CSV UTF-8."
        )


def _no_text(content: bytes, source: str) -> str:
    """Return what to do with a workbook or a zip file."""
    if content.startswith(OLE) or b"xl/" in content[:ZIP_HEAD] or b"xl/" in content[-ZIP_HEAD:]:
        return (
            f"{source} is an Excel workbook. Expected CSV, JSON or Parquet: in Excel, save the"
            " sheet by File, Save As, CSV UTF-8 (comma delimited), and name that file."
        )
    return f"{source} is a zip file. Expected CSV, JSON or Parquet: unpack it, and name a file."


def _unpacked(content: bytes, source: str) -> bytes:
    most = max(ALWAYS_UNPACKED, LARGEST_RATIO * len(content))
    try:
        # One byte above the limit shows that there is more, however much more it is.
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(most + 1)
    except (EOFError, OSError, zlib.error):
        raise InputError(
            f"{source} is compressed by gzip, but damaged or cut off. Copy it again."
        ) from None
    if len(unpacked) > most:
        raise InputError(
            f"{source} unpacks to more than {LARGEST_RATIO} times its {len(content)} bytes, which "
            "leads don't. If it is a table all the same, unpack it with gunzip and name that file."
        )
    return unpacked


def _originals(columns: Mapping[str, object], source: str) -> dict[str, str]:
    originals: dict[str, str] = {}
    for original in columns:
        name = field_name(original) or UNNAMED
        if name in originals:
            raise InputError(
                f"{source}: the columns {originals[name]!r} and {original!r} would both be called "
                f"{name}. Rename one of them."
            )
        originals[name] = original
    if not originals:
        raise InputError(f"{source} has no column that can be used.")
    return originals
