"""From past leads to the scores of new ones, without Kafka, in a folder that you name."""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
from pathlib import Path

Row = dict[str, str | int]

SOURCES = ("referral", "webinar", "search", "bought list")


def lead(rng: random.Random) -> Row:
    """Make up a lead."""
    return {"source": rng.choice(SOURCES), "employees": rng.randint(1, 2000)}


def outcome(row: Row, rng: random.Random) -> str:
    """Draw an outcome: referrals and larger companies are won more often."""
    is_large = int(row["employees"]) > 1200
    chance = 0.05 + 0.35 * (row["source"] == "referral") + 0.2 * is_large
    return "won" if rng.random() < chance else "lost"


def write(path: Path, rows: list[Row]) -> None:
    """Write rows as a CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def leadscore(*words: str) -> str:
    """Run a command of LeadScore and return what it prints."""
    run = [sys.executable, "-m", "stream", *words]
    return subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Train on 1,000 made-up leads, then score two new ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the files and the model registry")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)

    past: list[Row] = []
    for number in range(1000):
        row = lead(rng)
        past.append({"lead_id": f"P-{number}", **row, "outcome": outcome(row, rng)})
    write(folder / "past.csv", past)
    registry = ("--registry", str(folder / "models"))
    trained = leadscore("train", str(folder / "past.csv"), "--target", "outcome", *registry)
    print(trained)

    new: list[Row] = [
        {"lead_id": "N-1", "source": "referral", "employees": 1600},
        {"lead_id": "N-2", "source": "bought list", "employees": 12},
    ]
    write(folder / "new.csv", new)
    for line in leadscore("score", str(folder / "new.csv"), *registry).splitlines():
        scored = json.loads(line)
        [reason, *_] = scored["reasons"]
        print(f"{scored['lead_id']}  {scored['score']:.3f} {scored['category']:6}", end="  ")
        print(f"{reason['feature']} {reason['value']} ({reason['contribution']:+.2f})")


if __name__ == "__main__":
    main()
