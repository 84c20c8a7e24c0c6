"""How a column writes its numbers or times."""

from __future__ import annotations

from schemas.number_reading import NumberReading
from schemas.time_reading import TimeReading

__all__ = ["Reading"]

Reading = NumberReading | TimeReading
