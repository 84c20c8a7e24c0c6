"""Records as the audit reads them, and the faults that it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Faults", "Headers", "Record"]

Headers = Sequence[tuple[str, bytes | None]]
EXAMPLES = 5


class Record(NamedTuple):
    """A Kafka record; `headers` is None where the client cannot read them."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None = ()


@dataclass
class Faults:
    """Faults by rule: how many, and the first few."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, rule: str, where: str, count: int = 1) -> None:
        """Count a fault of a rule; `where` names partition and offset, never a field's value."""
        if count:
            self.counts[rule] += count
            examples = self.examples.setdefault(rule, [])
            if len(examples) < EXAMPLES:
                examples.append(where)

    def as_json(self) -> dict[str, dict[str, object]]:
        """Return count and examples by rule."""
        return {
            rule: {"count": count, "examples": self.examples[rule]}
            for rule, count in sorted(self.counts.items())
        }
