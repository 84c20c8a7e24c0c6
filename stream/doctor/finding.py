"""A finding of a check, and what a check is."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.urls import mask_url
from stream.doctor.cluster import Cluster
from stream.settings import Settings

__all__ = ["Check", "Finding", "Level", "Surroundings", "fail", "ok", "warn"]


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARN = "warn"
    """It works, but something may be lost, slow or misleading."""
    FAIL = "fail"
    """A worker does not start or score like this, or loses leads."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report: `ok`, `warn` and `fail` make one.

    Attributes
    ----------
    level
        Its severity.
    sentence
        Facts: what was expected and found; passwords of URLs are masked.
    remedy
        What to do; empty if nothing needs to be done.
    """

    level: Level
    sentence: str
    remedy: str = ""


def ok(sentence: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(Level.OK, mask_url(sentence))


def warn(sentence: str, remedy: str) -> Finding:
    """Return a warning."""
    return Finding(Level.WARN, mask_url(sentence), remedy)


def fail(sentence: str, remedy: str) -> Finding:
    """Return a failure."""
    return Finding(Level.FAIL, mask_url(sentence), remedy)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Settings, environment and cluster, as checks get them.

    Attributes
    ----------
    settings
        Settings of the worker.
    cluster
        View of the Kafka cluster; None if it can't be reached.
    environment
        Environment variables.
    """

    settings: Settings
    cluster: Cluster | None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


@dataclass(frozen=True, slots=True)
class Check:
    """A check by name.

    Attributes
    ----------
    name
        Its name in the report.
    run
        Returns the findings.
    needs_cluster
        Whether it can't run without Kafka.
    """

    name: str
    run: Callable[[Surroundings], Awaitable[Sequence[Finding]]]
    needs_cluster: bool = True
