"""Request for a comparison."""

from __future__ import annotations

from dataclasses import dataclass, field

from features.table import Table
from model.bundle import Bundle
from stream.comparison.outcomes import OutcomeColumn

__all__ = ["LIVE", "OutcomeFile", "Request", "TopicOutcomes"]

LIVE = "live"
"""The name of the live scores, in place of a model."""


@dataclass(frozen=True, slots=True)
class OutcomeFile:
    """A file of outcomes by the leads' ids.

    Attributes
    ----------
    table
        The file.
    column
        Where the outcomes are.
    id_column
        Where the leads' ids are.
    """

    table: Table
    column: OutcomeColumn
    id_column: str


@dataclass(frozen=True, slots=True)
class TopicOutcomes:
    """The outcomes in the topic of outcomes.

    Attributes
    ----------
    now_ms
        The time up to which horizons have passed, milliseconds since 1970.
    """

    now_ms: int


@dataclass(frozen=True, slots=True)
class Request:
    """The sides of a comparison, and its options.

    Attributes
    ----------
    before
        The present model; None: the live scores.
    after
        The candidate.
    sample
        Most leads to score; of more, a uniform sample.
    movers
        Number of leads to show whose score changes most.
    fields
        Names of fields to segment by; none: those whose segments differ most.
    has_ids
        Whether to show the leads' ids.
    outcomes
        Outcomes of the leads, in a file of their own or in the topic of outcomes.
    seed
        Seed of the sample.
    """

    before: Bundle | None
    after: Bundle
    sample: int
    movers: int = 10
    fields: tuple[str, ...] = field(default=())
    has_ids: bool = False
    outcomes: OutcomeFile | TopicOutcomes | None = None
    seed: int = 0
