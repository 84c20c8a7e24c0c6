"""Where the soak test writes its figures, and how they are read."""

from __future__ import annotations

from pathlib import Path

OUTPUT = Path(".leadscore/soak/soak.json")
WARM_UP = 300.0
"""Seconds until caches and pools have their size."""
