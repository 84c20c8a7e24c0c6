from __future__ import annotations

from stream.settings import load_settings


def test_windows_and_seasons_are_given_in_milliseconds() -> None:
    settings = load_settings(drift_window_seconds=1.5, drift_season_seconds=0)

    assert settings.drift_window_ms == 1500
    assert settings.drift_season_ms == 0


def test_horizons_are_separated_by_commas() -> None:
    assert load_settings(drift_horizons="1,12").drift_horizons == (1, 12)
