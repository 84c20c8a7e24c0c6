"""Who made a change of an alias in a test."""

from __future__ import annotations

from datetime import UTC, datetime

from model.alias_entry import Made

__all__ = ["MADE"]

MADE = Made("a test", datetime(2026, 5, 3, 14, 3, tzinfo=UTC), "to see what happens")
