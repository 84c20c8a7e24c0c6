"""Metadata of a bundle for the audit: the JSON in model.onnx, read without ONNX."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["read_bundle_file"]

METADATA_PROPS = 14
"""Field number in ``ModelProto`` of onnx.proto: entries of key (1) and value (2)."""
METADATA_KEY = b"leadscore"
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def read_bundle_file(file: Path) -> tuple[str, dict[str, Any]]:
    """Read a model.onnx.

    Returns
    -------
    str
        The model's identity: SHA-256 of the file, in hex.
    dict
        What the model says of itself: spec, reference bins, thresholds.

    Raises
    ------
    ValueError
        The file has no such JSON.
    """
    content = file.read_bytes()
    for number, entry in _fields(content):
        if number == METADATA_PROPS:
            parts = dict(_fields(entry))
            if parts.get(1) == METADATA_KEY:
                return hashlib.sha256(content).hexdigest(), json.loads(parts[2])
    raise ValueError(f"expected the metadata key leadscore in {file}, there is none")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each length-delimited field of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            _, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        elif kind == LENGTH:
            length, at = _varint(message, at)
            yield tag >> 3, message[at : at + length]
            at += length
        else:
            raise ValueError(f"expected a protobuf message, found the wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
