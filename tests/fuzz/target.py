"""A fuzz target: a part of LeadScore that reads external bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Feed", "Shape", "Target"]

Feed = Callable[[bytes], None]
"""Processes an input; an exception is a fault."""


class Shape(StrEnum):
    """Format of the inputs, for structure-aware mutations."""

    BYTES = "bytes"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Target:
    """One piece.

    Attributes
    ----------
    name
        As it is called on the command line; also its folder of the corpus.
    opened
        Opens it: the context's value takes inputs as long as the context lasts.
    seeds
        Inputs to begin from, sound ones mostly.
    shape
        Shape of the inputs.
    longest
        Bytes of the longest input that is tried.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Feed]]
    seeds: Callable[[], Sequence[bytes]]
    shape: Shape = Shape.BYTES
    longest: int = 4096
