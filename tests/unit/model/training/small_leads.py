"""Small made-up leads, and quick options to train on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.table import Table
from features.table_file import parse_table
from model.training.boosting import BoostingParameters
from model.training.train import TrainOptions
from model.training.xgboost_trainer import XgboostTrainer

QUICK = XgboostTrainer(BoostingParameters(trees=12, max_depth=3, eta=0.3))
OPTIONS = TrainOptions(
    target="won", text=("notes",), time="created", trainer=QUICK, name="small", threads=1
)


def rows(n: int = 1200, seed: int = 1) -> list[dict[str, Any]]:
    """Return leads whose size, city and notes decide whether they are won."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        size, city, asked = rng.lognormal(3, 1), int(rng.integers(30)), rng.random() < 0.3
        logit = 0.8 * np.log(size) + 0.08 * city + 1.2 * asked - 5
        made.append(
            {
                "id": f"L-{(i * 7919) % 100_003}",
                "created": f"2024-{1 + i * 12 // n:02}-{1 + i % 28:02}T{i % 24:02}:00:00Z",
                "company.size": "" if rng.random() < 0.2 else f"{size:.2f}",
                "city": "" if rng.random() < 0.1 else f"City {city}",
                "source": ["web", "Event", "partner"][i % 3],
                "opt_in": ["TRUE", "FALSE"][i % 2],
                "notes": "What is the price?" if asked else "Just looking around",
                "country": "DE",
                "won": "yes" if rng.random() < 1 / (1 + np.exp(-logit)) else "no",
            }
        )
    return made


def table(made: list[dict[str, Any]]) -> Table:
    """Return the leads as a table read from a file."""
    lines = [";".join(made[0]), *(";".join(map(str, row.values())) for row in made)]
    return parse_table("\n".join(lines).encode(), "leads.csv")


ROWS = rows()
TABLE = table(ROWS)
