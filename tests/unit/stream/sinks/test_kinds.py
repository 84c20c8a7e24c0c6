"""Every kind of sink can be made by its name, and the command offers each."""

from __future__ import annotations

import importlib
from typing import get_args

import pytest

from schemas.errors import StartupError
from stream.settings import Settings, load_settings
from stream.sinks import kinds
from stream.sinks.kinds import KINDS, Kind, make_sink


def test_settings_and_sinks_have_the_same_kinds() -> None:
    assert tuple(KINDS) == get_args(Settings.model_fields["sink"].annotation)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_without_a_target_says_what_to_set(kind: str) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_SINK_TO"):
        make_sink(load_settings(sink=kind))


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("webhook", "leads", "scores or overdue"),
        ("crm", "leads", "scores"),
        ("sql", "overdue", "scores or leads"),
    ],
)
def test_a_content_that_a_kind_does_not_write_stops_the_start(
    kind: str, content: str, expected: str
) -> None:
    with pytest.raises(StartupError, match=f"--content to be {expected} for the sink {kind}"):
        make_sink(load_settings(sink=kind, sink_to="x", sink_content=content))


def test_missing_packages_are_named_with_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="deltalake")

    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(kinds, "KINDS", {"jsonl": Kind("stream.sinks.jsonl", "files")})
    with pytest.raises(StartupError, match=r"deltalake is missing.*leadscore\[files\]"):
        make_sink(load_settings(sink="jsonl"))
