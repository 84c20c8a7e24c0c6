"""Grading of leads as they are scored, if the settings name rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from agents.lead_grades import LeadGrades
from agents.sales.rules import Rules, read_rules
from schemas.errors import StartupError
from schemas.record_reader import RecordReader
from schemas.registered import RegisteredSchemas
from schemas.store import SchemaStore
from stream.settings import Settings

__all__ = ["grades_of"]


def grades_of(
    settings: Settings, store: SchemaStore, registered: RegisteredSchemas | None
) -> LeadGrades | None:
    """Return what grades leads; None if no rules are set.

    Parameters
    ----------
    settings
        Name the file of rules.
    store, registered
        The schemas of leads.

    Raises
    ------
    StartupError
        The file can't be read, is not valid, or has neither fit nor engagement.
    """
    if settings.grade_rules is None:
        return None
    return LeadGrades(_rules(settings.grade_rules), RecordReader(store, registered).read)


@cache  # a process that loads another model keeps its rules
def _rules(file: Path) -> Rules:
    rules = read_rules(file)
    if rules.fit is None and rules.engagement is None:
        raise StartupError(f"expected [fit] or [engagement] in {file} to grade leads by")
    return rules
