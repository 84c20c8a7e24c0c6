from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from model.bundle import Artefacts, load_bundle
from model.registry import Alias, Registry
from schemas.errors import InputError
from stream.cli.models import models
from stream.cli.models_card import card_from, card_renderer
from testing.made import MADE

Run = Callable[..., Result]


@pytest.fixture
def registry(tmp_path: Path, artefacts: Artefacts) -> Registry:
    registry = Registry(tmp_path / "models")
    registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    return registry


@pytest.fixture
def leadscore(registry: Registry) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(models, ["show", *arguments, "--registry", registry.root])

    return run


def test_show_writes_the_card_by_the_files_ending(leadscore: Run, tmp_path: Path) -> None:
    for name, start in (("card.html", "<!doctype html>"), ("card.md", "# bank version 1")):
        done = leadscore("bank", "--card", str(tmp_path / name))
        assert done.exit_code == 0, done.output
        assert done.output == f"wrote {tmp_path / name}\n"
        text = (tmp_path / name).read_text()
        assert text.startswith(start)
        assert "production none → 1" in text


def test_another_ending_or_a_missing_folder_is_refused(leadscore: Run, tmp_path: Path) -> None:
    assert leadscore("bank", "--card", str(tmp_path / "card.pdf")).exit_code == 2
    assert leadscore("bank", "--card", str(tmp_path / "no" / "card.md")).exit_code == 2
    with pytest.raises(InputError, match=r"\.html or \.md"):
        card_renderer(Path("card"))


def test_a_model_that_lies_elsewhere_has_no_aliases_of_the_registry(
    registry: Registry, tmp_path: Path, artefacts: Artefacts
) -> None:
    elsewhere = Registry(tmp_path / "elsewhere")
    elsewhere.publish("bank", artefacts)
    here = load_bundle(registry.resolve("bank/1"), None)
    there = load_bundle(elsewhere.resolve("bank/1"), None)
    assert card_from(registry, here).facts[0].startswith("production;")
    assert card_from(registry, there).facts[0].startswith("no alias names it;")
