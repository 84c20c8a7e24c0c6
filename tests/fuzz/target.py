"""What is fuzzed: a piece of LeadScore that takes bytes from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Feed", "Shape", "Target"]

Feed = Callable[[bytes], None]
"""Takes an input; what it raises is a fault."""


class Shape(StrEnum):
    """What inputs look like, so that they can be changed in ways that make sense."""

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
        Of the inputs.
    longest
        Bytes of the longest input that is tried.
    """

    name: str
    opened: Callable[[], AbstractContextManager[Feed]]
    seeds: Callable[[], Sequence[bytes]]
    shape: Shape = Shape.BYTES
    longest: int = 4096
