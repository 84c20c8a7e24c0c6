"""The work that every contender does, defined once.

A lead has 20 nullable fields (12 strings, 8 numbers, 10 % nulls, about 400 bytes of Avro). The
model reads 50 columns: the 8 numbers, 6 target-encoded strings, 4 one-hot strings of 7 levels,
2 texts (length, words, 2 keyword flags each). 200 trees of depth 5, reasons for the top 3 fields.
"""

from __future__ import annotations

import io
import random
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import numpy as np

from features.spec import CategoryField, FeatureSpec, NumberField, TextField

__all__ = ["PARTITIONS", "SCHEMA", "SPEC", "leads"]

PARTITIONS = 4
SEED = 7
NUMBERS = tuple(f"number_{i}" for i in range(8))
TARGETS = tuple(f"target_{i}" for i in range(6))
ONE_HOTS = tuple(f"level_{i}" for i in range(4))
TEXTS = ("title", "summary")
KEYWORDS = {"title": ("director", "sales"), "summary": ("growth", "platform")}
WORDS = (
    "growth platform data sales director engineer customer market cloud retail bank "
    "strategy product leader team europe partner digital service health"
).split()

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "benchmark_lead",
    "namespace": "leadscore.benchmark",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        *({"name": name, "type": ["null", "double"], "default": None} for name in NUMBERS),
        *(
            {"name": name, "type": ["null", "string"], "default": None}
            for name in (*TARGETS, *ONE_HOTS, *TEXTS)
        ),
    ],
}


def _levels(field: int, count: int) -> tuple[str, ...]:
    return tuple(f"level {field} number {i}" for i in range(count))


SPEC = FeatureSpec(
    fields=(
        *(NumberField(name=name) for name in NUMBERS),
        *(
            CategoryField(
                name=name,
                encoding="target",
                levels=_levels(i, 60),
                values=tuple(round(0.05 + 0.4 * j / 60, 6) for j in range(60)),
                prior=0.2,
            )
            for i, name in enumerate(TARGETS)
        ),
        *(
            CategoryField(name=name, encoding="one_hot", levels=_levels(10 + i, 7))
            for i, name in enumerate(ONE_HOTS)
        ),
        *(TextField(name=name, keywords=KEYWORDS[name]) for name in TEXTS),
    )
)


@cache
def leads(count: int) -> list[dict[str, Any]]:
    """Draw `count` leads, the same ones each time."""
    draw = random.Random(SEED)

    def maybe(value: Any) -> Any:
        return None if draw.random() < 0.1 else value

    return [
        {
            "lead_id": f"lead-{i:08d}",
            "created_at": 1_760_000_000_000 + i,
            **{name: maybe(round(draw.gauss(10.0, 4.0), 3)) for name in NUMBERS},
            **{
                name: maybe(f"Level {field} number {draw.randrange(66)}")
                for field, name in enumerate(TARGETS)
            },
            **{
                name: maybe(f"Level {10 + field} number {draw.randrange(8)}")
                for field, name in enumerate(ONE_HOTS)
            },
            "title": maybe(" ".join(draw.choices(WORDS, k=3))),
            "summary": maybe(" ".join(draw.choices(WORDS, k=12))),
        }
        for i in range(count)
    ]
