"""The page of a model's card: whole, without a network, safe, and shown by a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from model.bundle import Artefacts, Bundle, load_bundle
from model.registry import Registry
from stream.model_card.content import card_of
from stream.model_card.page import render_page
from tests.unit.html_elements import elements_of
from tests.unit.stream.model_card.card_bundles import with_metrics

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture
def bundle(tmp_path: Path, artefacts: Artefacts) -> Bundle:
    registry = Registry(tmp_path / "models")
    registry.publish("bank", artefacts)
    return with_metrics(load_bundle(registry.resolve("bank/1"), None))


@pytest.fixture
def page(bundle: Bundle) -> str:
    return render_page(card_of(bundle, ["production"], [], is_archived=False))


def test_the_page_is_whole_and_needs_neither_network_nor_script(page: str) -> None:
    elements = elements_of(page)
    assert "svg" in elements
    assert not elements & {"script", "link", "img", "iframe"}
    assert re.findall(r"(?:src|href|url\()", page) == []


def test_names_in_the_data_are_text_and_no_markup(page: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x1b" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to show the page with")
@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_shows_the_page_at_two_widths(page: str, tmp_path: Path, width: int) -> None:
    """A picture of its size, and not one colour."""
    file, picture = tmp_path / "card.html", tmp_path / "card.png"
    file.write_text(page)
    subprocess.run(
        [
            *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-dev-shm-usage", "--hide-scrollbars"),
            *(f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},2400"),
            *(f"--screenshot={picture}", file.as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    content = picture.read_bytes()
    assert int.from_bytes(content[16:20], "big") == width
    assert len(content) > 30_000
