"""Bands that `leadscore train` prints, by the whole recipe: few trees give leads equal scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.cli.models import models
from tests.unit.stream.cli.test_train import leads, run

pytestmark = pytest.mark.usefixtures("tried_once")


def test_the_bands_are_printed_with_their_conversion(tmp_path: Path) -> None:
    registry = tmp_path / "models"
    result = run(leads(tmp_path / "leads.csv", 400), "--target", "won", "--registry", registry)
    assert result.exit_code == 0, result.output
    rows = [line.strip("│ ").split("│") for line in result.stdout.splitlines()]
    bands = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows if len(row) == 6}
    assert list(bands)[-3:] == ["High", "Medium", "Low"]
    assert bands["High"][1:3] == ["40", "10.0%"]
    assert bands["Medium"][1:3] == ["80", "20.0%"]
    assert float(bands["High"][4]) > float(bands["Medium"][4]) > float(bands["Low"][4])
    assert "Healthy mean score:" in result.stdout
    shown = CliRunner().invoke(models, ["show", "leads", "--registry", str(registry)]).output
    assert "band high" in shown
