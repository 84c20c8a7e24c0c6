from __future__ import annotations

import pytest

from docs.generate import FOLDER, PAGES
from schemas.errors import ErrorCode
from stream.settings import Settings, variable_of


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_as_the_declarations_have_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADSCORE_TOPIC_PREFIX", "elsewhere.")  # the environment has no say here

    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


def test_every_setting_and_code_is_a_row() -> None:
    settings, errors = PAGES["settings.md"](), PAGES["errors.md"]()

    for name in Settings.model_fields:
        assert f"\n| `{variable_of(name)}` |" in settings
    for code in ErrorCode:
        assert f"\n| `{code}` |" in errors


def test_a_row_says_default_and_bounds() -> None:
    settings = PAGES["settings.md"]()

    assert "| `LEADSCORE_MIN_COVERAGE` | `0.6` | number from 0 to 1 |" in settings
    assert "| `LEADSCORE_LEADS_CREATED_DLQ` | `leads.created.dlq` | text |" in settings
    assert "| `LEADSCORE_REASONS` | `true` | `true` or `false` |" in settings
    assert "| `LEADSCORE_SASL_PASSWORD` |  | secret |" in settings


def test_nested_fields_of_the_scored_event_are_rows() -> None:
    page = PAGES["scored-event.md"]()

    assert "\n| `scored_at` | long (timestamp-millis) |" in page
    assert "\n| `reasons` | array of reason |" in page
    assert "\n| `reasons[].contribution` | double |" in page
    assert "\n| `source.offset` | long |" in page
