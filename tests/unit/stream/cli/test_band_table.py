"""The table of bands on the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from model.metadata import Engagement
from model.training.bands import Band, Bands
from stream.cli.band_table import print_bands

BANDS = Bands(
    high=Band(0.8123, 1234, 0.1, 0.9, 3.0),
    medium=Band(0.5, 20, 0.2, 0.5, 1.6),
    low=Band(0.0, 0, 0.7, None, None),
    warnings=(),
)


def printed() -> list[str]:
    console = Console(width=100, file=io.StringIO())
    print_bands(BANDS, Engagement(low=0.15, high=0.4), console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def row(name: str) -> list[str]:
    [line] = [line for line in printed() if f" {name} " in line]
    return line.replace("│", " ").split()


def test_each_band_has_its_threshold_leads_share_conversion_and_lift() -> None:
    assert row("High") == ["High", "0.8123", "1,234", "10.0%", "90.0%", "3.00"]
    assert row("Medium") == ["Medium", "0.5", "20", "20.0%", "50.0%", "1.60"]


def test_a_band_without_leads_has_no_conversion() -> None:
    assert row("Low") == ["Low", "0", "0", "70.0%"]


def test_the_healthy_mean_score_is_shown() -> None:
    assert printed()[-1] == "Healthy mean score: 15.0% to 40.0%"
