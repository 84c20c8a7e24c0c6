"""A lead has one score, as a row of a file and as an event, in every format."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from stream.cli.score import score
from stream.cli.train import train

pytestmark = pytest.mark.usefixtures("tried_once")

CITIES = ("São Paulo", "Zürich", "Ålesund")
NAMES = ("lead_id", "size", "opened", "seen", "member", "active", "city", "won")


def german(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def rows(n: int = 400) -> list[dict[str, str]]:
    rng = np.random.default_rng(3)
    found = []
    for i in range(n):
        size, hour = int(10 ** rng.uniform(1, 5)), int(rng.integers(24))
        member, active, city = rng.integers(2), rng.integers(2), int(rng.integers(3))
        weight = size / 20_000 + (hour < 12) + member + active + city - 3
        found.append(
            {
                "lead_id": f"L{i}",
                "size": german(size),
                "opened": f"{1 + i % 12}/{1 + i % 28}/2024 {1 + hour % 12}:05 {'AP'[hour >= 12]}M",
                "seen": str(1_704_067_200 + i * 86_400 + hour * 3600),
                "member": "Yes" if member else "No",
                "active": str(active),
                "city": CITIES[city],
                "won": "yes" if rng.random() < 1 / (1 + np.exp(-2 * weight)) else "no",
            }
        )
    return found


def written(leads: list[dict[str, Any]], names: tuple[str, ...] = NAMES) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=";", extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(leads)
    return out.getvalue().encode()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one_reading")
    (folder / "leads.csv").write_bytes(written(rows()))
    arguments = ["leads.csv", "--target", "won", "--id", "lead_id", "--registry", "models"]
    arguments[0] = str(folder / "leads.csv")
    arguments[-1] = str(folder / "models")
    result = CliRunner().invoke(train, arguments)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "size: read as numbers with a point between thousands" in said
    assert "seen: its numbers were read as times, in seconds since 1970" in said
    return folder / "models"


def scored(registry: Path, content: bytes) -> tuple[list[float], str]:
    arguments = ["-", "--registry", str(registry), "--format", "jsonl"]
    result = CliRunner().invoke(score, arguments, input=content)
    assert result.exit_code in (0, 1), result.output
    return [orjson.loads(line)["score"] for line in result.stdout.splitlines()], result.stderr


def by_file(registry: Path, lead: dict[str, Any]) -> list[float]:
    names = tuple(name for name in NAMES if name != "won")
    return scored(registry, written([lead], names))[0]


def by_event(registry: Path, lead: dict[str, Any]) -> list[float]:
    return scored(registry, orjson.dumps({"created_at": 1_720_000_000_000, **lead}))[0]


LEAD = {
    "lead_id": "a",
    "size": "12.500",
    "opened": "5/31/2024 1:05 PM",
    "seen": "1717160700",
    "member": "Yes",
    "active": "1",
    "city": "São Paulo",
}
SAME: list[dict[str, Any]] = [
    {"size": 12_500},
    {"size": 12_500.0},
    {"size": "12500"},
    {"size": "12.500,00"},
    {"size": "12.500 €"},
    {"opened": "2024-05-31T13:05:00Z"},
    {"opened": "2024/05/31 13:05"},
    {"opened": "31 May 2024 13:05"},
    {"opened": 1_717_160_700},
    {"opened": 1_717_160_700_000},
    {"seen": 1_717_160_700},
    {"seen": 1_717_160_700_000},
    {"seen": "2024-05-31 13:05:00"},
    {"member": True},
    {"member": "y"},
    {"member": "1"},
    {"member": 1},
    {"active": True},
    {"active": "Yes"},
    {"active": 1},
    {"city": unicodedata.normalize("NFD", "São Paulo")},
    {"city": "  são   paulo "},
]


@pytest.mark.parametrize("change", SAME, ids=str)
def test_a_lead_scores_the_same_however_it_is_written(
    registry: Path, change: dict[str, Any]
) -> None:
    [expected] = by_file(registry, LEAD)
    assert by_event(registry, LEAD) == [expected]
    assert by_event(registry, LEAD | change) == [expected]
    assert by_file(registry, LEAD | {k: str(v) for k, v in change.items()}) == [expected]


@pytest.mark.parametrize("name", ["size", "opened", "seen", "member", "active", "city"])
def test_each_of_these_fields_matters(registry: Path, name: str) -> None:
    other = {
        "size": "12",
        "opened": "6/3/2024 3:05 AM",
        "seen": "1717387500",
        "member": "No",
        "active": "0",
        "city": "Zürich",
    }
    known, changed = by_event(registry, LEAD), by_event(registry, LEAD | {name: other[name]})
    assert known != changed
    assert by_file(registry, LEAD | {name: other[name]}) == changed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"size": "12 kg"}, "TYPE"),
        ({"opened": "31/5/2024"}, "TYPE"),
        ({"seen": 12}, "TIME"),
        ({"seen": "2150-01-01"}, "TIME"),
        ({"created_at": 1000}, "TIME"),
    ],
    ids=str,
)
def test_an_event_that_cannot_be_read_is_a_verdict(
    registry: Path, change: dict[str, Any], code: str
) -> None:
    event = orjson.dumps({"created_at": 1_720_000_000_000, **LEAD, **change})
    scores, said = scored(registry, event)
    assert scores == []
    assert f"line 1: {code}: " in said


def test_the_rows_of_a_file_get_the_verdicts_of_events(registry: Path) -> None:
    names = tuple(name for name in NAMES if name != "won")
    leads = [LEAD | {"lead_id": f"L{i}"} for i in range(100)]
    leads[7] = leads[7] | {"size": "12 kg"}
    leads[9] = leads[9] | {"seen": "2150-01-01"}
    scores, said = scored(registry, written(leads, names))
    assert len(scores) == 98
    assert "row 8: TYPE: column 'size': expected a number" in said
    assert "row 10: TIME: field seen" in said


def test_another_number_format_is_detected_and_reported(registry: Path) -> None:
    names = tuple(name for name in NAMES if name != "won")
    leads = [LEAD | {"size": f"{1000 + i:,}.50"} for i in range(30)]
    scores, said = scored(registry, written(leads, names))
    alone = by_event(registry, LEAD | {"size": 1000.5})
    assert scores[0] == alone[0]
    assert "column 'size': read as numbers with a comma between thousands, other than" in said
