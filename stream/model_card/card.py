"""A model's card, independent of how it is written."""

from __future__ import annotations

from dataclasses import dataclass

from agents.comparison.quality import CalibrationPoint

__all__ = ["Bars", "Card", "Curve", "Part", "Section", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, each with a label, a length that is not negative, and the value in words."""

    title: str
    rows: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Calibration curve: the share that converted, over the mean score."""

    points: tuple[CalibrationPoint, ...]


Part = Table | Bars | Curve


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the card: sentences, then tables and plots."""

    title: str
    sentences: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """The card.

    Attributes
    ----------
    title
        The model and its version.
    facts
        Where it stands: aliases, hash.
    answers
        Whether it is any good.
    sections
        The rest.
    """

    title: str
    facts: tuple[str, ...]
    answers: tuple[str, ...]
    sections: tuple[Section, ...]
