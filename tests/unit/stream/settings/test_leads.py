from __future__ import annotations

from pathlib import Path

from stream.settings import load_settings


def test_plausible_times_are_given_in_milliseconds() -> None:
    settings = load_settings(earliest_year=1971, times_ahead_days=0.5)

    assert settings.earliest_ms == 365 * 86_400_000
    assert settings.times_ahead_ms == 43_200_000


def test_a_folder_of_schemas_is_optional() -> None:
    assert load_settings().schema_folders == ()
    assert load_settings(schema_dir="more").schema_folders == (Path("more"),)
